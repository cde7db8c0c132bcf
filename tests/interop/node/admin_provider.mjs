// An OpenID provider that issues access tokens (JWTs) to administrators, as its documentation says.
// What a token is like is told by the client that asks for it.
import { readFileSync } from "node:fs";

// Of the example: installed once.
const { default: Provider } = await import(process.env.OIDC_PROVIDER);

const { ISSUER, PORT, AUDIENCE, JWKS, CLIENTS } = process.env;
const clients = JSON.parse(CLIENTS);
const jwks = JSON.parse(readFileSync(JWKS, "utf-8"));

const provider = new Provider(ISSUER, {
  jwks,
  clients: Object.keys(clients).map((client_id) => ({
    client_id,
    client_secret: "secret-of-a-test",
    grant_types: ["client_credentials"],
    redirect_uris: [],
    response_types: [],
  })),
  scopes: ["clients:read", "clients:create", "internal_dcr_view"],
  features: {
    clientCredentials: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (_ctx, client) => clients[client.clientId].audience ?? AUDIENCE,
      useGrantedResource: () => true,
      getResourceServerInfo: (_ctx, audience, client) => {
        const { alg = "RS256", seconds = 300 } = clients[client.clientId];
        return {
          scope: "clients:read clients:create internal_dcr_view",
          audience,
          accessTokenFormat: "jwt",
          accessTokenTTL: seconds,
          // The octets of a public key as a secret: the oldest of forgeries.
          jwt: { sign: alg === "HS256" ? { alg, key: Buffer.from(JSON.stringify(jwks)) } : { alg } },
        };
      },
    },
  },
  extraTokenClaims: (_ctx, token) => clients[token.clientId].claims,
});

provider.listen(Number(PORT), "127.0.0.1", () => console.log(`listening as ${ISSUER}`));
