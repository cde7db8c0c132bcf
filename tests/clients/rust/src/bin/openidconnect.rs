//! The openidconnect crate: discovery, registration, a token: openidconnect ISSUER.

use openidconnect::core::{
    CoreClient, CoreClientAuthMethod, CoreClientRegistrationRequest, CoreGrantType,
    CoreProviderMetadata,
};
use openidconnect::registration::EmptyAdditionalClientMetadata;
use openidconnect::{IssuerUrl, OAuth2TokenResponse, RedirectUrl, reqwest};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = std::env::args().nth(1).expect("ISSUER");
    let http = reqwest::blocking::Client::new();
    let server = CoreProviderMetadata::discover(&IssuerUrl::new(issuer)?, &http)?;
    let callback = RedirectUrl::new("https://client.example.org/callback".to_owned())?;
    let grants = vec![CoreGrantType::AuthorizationCode, CoreGrantType::ClientCredentials];
    let endpoint = server.registration_endpoint().expect("an endpoint").clone();
    let made = CoreClientRegistrationRequest::new(
        vec![callback],
        EmptyAdditionalClientMetadata::default(),
    )
    .set_grant_types(Some(grants))
    .set_token_endpoint_auth_method(Some(CoreClientAuthMethod::ClientSecretBasic))
    .register(&endpoint, &http)?;
    let id = made.client_id().clone();
    let client = CoreClient::from_provider_metadata(server, id.clone(), made.client_secret().cloned());
    let token = client
        .exchange_client_credentials()?
        .request(&http)?;
    let report = serde_json::json!({
        "registered": *id,
        "token_type": token.token_type(),
        "token": token.access_token().secret(),
    });
    println!("{report}");
    Ok(())
}
