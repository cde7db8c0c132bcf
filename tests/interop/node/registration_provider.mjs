// An OpenID provider with a registration endpoint, and management behind it.
import { readFileSync } from "node:fs";

// Of the example: installed once.
const { default: Provider } = await import(process.env.OIDC_PROVIDER);

const { ISSUER, PORT, INITIAL_TOKEN, ROTATE, JWKS, FRONT } = process.env;

const provider = new Provider(ISSUER, {
  jwks: JSON.parse(readFileSync(JWKS, "utf-8")),
  clientAuthMethods: ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
  scopes: ["openid", "offline_access", "profile"],
  features: {
    registration: { enabled: true, initialAccessToken: INITIAL_TOKEN },
    registrationManagement: { enabled: true, rotateRegistrationAccessToken: ROTATE === "true" },
    clientCredentials: { enabled: true },
  },
  pkce: { required: () => true },
  async findAccount(_ctx, id) {
    return { accountId: id, claims: async () => ({ sub: id }) };
  },
});

// Clients find the door before it, not its own endpoint.
provider.use(async (ctx, next) => {
  await next();
  if (FRONT && ctx.oidc?.route === "discovery") ctx.body.registration_endpoint = `${FRONT}/register`;
});

provider.listen(Number(PORT), "127.0.0.1", () => console.log(`listening as ${ISSUER}`));
