import java.util.List;
import java.util.Map;
import org.springframework.http.MediaType;
import org.springframework.security.oauth2.client.endpoint.OAuth2ClientCredentialsGrantRequest;
import org.springframework.security.oauth2.client.endpoint.RestClientClientCredentialsTokenResponseClient;
import org.springframework.security.oauth2.client.registration.ClientRegistrations;
import org.springframework.security.oauth2.core.AuthorizationGrantType;
import org.springframework.web.client.RestClient;

/** Spring Security finds the server and gets a token, with the clients it makes itself: Spring ISSUER.
 *
 * Plain http with Java's own client, which offers HTTP/2 there by an Upgrade. Spring Security has no
 * client for registration: Spring's RestClient registers, as its guides have it.
 */
class Spring {
    public static void main(String[] given) {
        var issuer = given[0];
        var server = ClientRegistrations.fromIssuerLocation(issuer);
        var known = server.clientId("unknown").clientSecret("unknown")
            .authorizationGrantType(AuthorizationGrantType.CLIENT_CREDENTIALS).build().getProviderDetails();
        var registrationEndpoint = (String) known.getConfigurationMetadata().get("registration_endpoint");
        var metadata = Map.of(
            "client_name", "Spring", "grant_types", List.of("client_credentials"),
            "redirect_uris", List.of(), "scope", "profile");
        Map<?, ?> made = RestClient.create().post().uri(registrationEndpoint)
            .contentType(MediaType.APPLICATION_JSON).body(metadata).retrieve().body(Map.class);
        var registration = server.registrationId("dcrserver")
            .clientId((String) made.get("client_id"))
            .clientSecret((String) made.get("client_secret"))
            .authorizationGrantType(AuthorizationGrantType.CLIENT_CREDENTIALS)
            .scope("profile").build();
        var answer = new RestClientClientCredentialsTokenResponseClient()
            .getTokenResponse(new OAuth2ClientCredentialsGrantRequest(registration));
        if (!answer.getAccessToken().getScopes().contains("profile")) throw new AssertionError("scope");
        System.out.printf("{\"registered\": \"%s\", \"token_type\": \"%s\"}%n",
            registration.getClientId(), answer.getAccessToken().getTokenType().getValue());
    }
}
