import com.nimbusds.oauth2.sdk.*;
import com.nimbusds.oauth2.sdk.as.AuthorizationServerMetadata;
import com.nimbusds.oauth2.sdk.auth.ClientSecretBasic;
import com.nimbusds.oauth2.sdk.client.*;
import com.nimbusds.oauth2.sdk.http.HTTPResponse;
import com.nimbusds.oauth2.sdk.id.Issuer;
import com.nimbusds.openid.connect.sdk.op.OIDCProviderMetadata;
import com.nimbusds.openid.connect.sdk.rp.*;
import java.net.URI;
import java.util.Set;

/** The whole life of a client with the Nimbus SDK: Nimbus ISSUER. Each step asserts. */
class Nimbus {
    public static void main(String[] given) throws Exception {
        var issuer = new Issuer(given[0]);
        var provider = OIDCProviderMetadata.resolve(issuer);
        var server = AuthorizationServerMetadata.resolve(issuer);
        require(server.getRegistrationEndpointURI().equals(provider.getRegistrationEndpointURI()), "endpoints");

        var wanted = new OIDCClientMetadata();
        wanted.setName("Nimbus");
        wanted.setRedirectionURI(URI.create("https://client.example.org/callback"));
        wanted.setGrantTypes(Set.of(GrantType.AUTHORIZATION_CODE, GrantType.CLIENT_CREDENTIALS));
        wanted.setScope(new Scope("profile"));
        var endpoint = provider.getRegistrationEndpointURI();
        var made = client(new OIDCClientRegistrationRequest(endpoint, wanted, null).toHTTPRequest().send());

        var authentication = new ClientSecretBasic(made.getID(), made.getSecret());
        var grant = new ClientCredentialsGrant();
        var scope = new Scope("profile");
        var request = new TokenRequest(provider.getTokenEndpointURI(), authentication, grant, scope);
        var answer = TokenResponse.parse(request.toHTTPRequest().send());
        require(answer.indicatesSuccess(), "token: " + answer.toHTTPResponse().getBody());
        var token = answer.toSuccessResponse().getTokens().getBearerAccessToken();

        var place = made.getRegistrationURI();
        var read = client(new ClientReadRequest(place, made.getRegistrationAccessToken()).toHTTPRequest().send());
        require(read.getMetadata().getName().equals("Nimbus"), "read");

        var changed = read.getOIDCMetadata();
        changed.setName("Renamed");
        var update = new OIDCClientUpdateRequest(
            place, made.getID(), made.getRegistrationAccessToken(), changed, made.getSecret());
        var updated = client(update.toHTTPRequest().send());
        require(updated.getMetadata().getName().equals("Renamed"), "update");

        // What it is told is parsed as an error of the protocol, in JSON.
        wanted.setRedirectionURI(URI.create("http://client.example.org/callback"));
        var refusal = OIDCClientRegistrationResponseParser.parse(
            new OIDCClientRegistrationRequest(endpoint, wanted, null).toHTTPRequest().send());
        var told = ((ClientRegistrationErrorResponse) refusal).getErrorObject();
        require(told.getCode().equals("invalid_redirect_uri"), "refusal: " + told);

        var bearer = updated.getRegistrationAccessToken();
        require(new ClientDeleteRequest(place, bearer).toHTTPRequest().send().getStatusCode() == 204, "delete");
        var gone = ClientRegistrationErrorResponse.parse(new ClientReadRequest(place, bearer).toHTTPRequest().send());
        require(gone.getErrorObject().getCode().equals("invalid_token"), "gone");
        System.out.printf("{\"registered\": \"%s\", \"token_type\": \"%s\"}%n", made.getID(), token.getType());
    }

    private static OIDCClientInformation client(HTTPResponse answer) throws Exception {
        var response = OIDCClientRegistrationResponseParser.parse(answer);
        require(response.indicatesSuccess(), answer.getStatusCode() + ": " + answer.getBody());
        return ((OIDCClientInformationResponse) response).getOIDCClientInformation();
    }

    private static void require(boolean held, String what) {
        if (!held) throw new AssertionError(what);
    }
}
