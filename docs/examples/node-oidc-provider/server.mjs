// An OpenID provider whose clients register with dcrserver. See README.md for how to run it.
import Provider from "oidc-provider";
import MemoryAdapter from "oidc-provider/lib/adapters/memory_adapter.js";

import { DcrServer, clientsFrom, compareSecretsWith } from "./dcrserver.mjs";

const { DCRSERVER, DCRSERVER_TOKEN, PORT = "3000" } = process.env;
if (!DCRSERVER || !DCRSERVER_TOKEN) {
  console.error("set DCRSERVER (its base URL) and DCRSERVER_TOKEN (an admin token)");
  process.exit(2);
}
const issuer = `http://127.0.0.1:${PORT}`;
const dcrserver = new DcrServer(DCRSERVER, DCRSERVER_TOKEN);

const provider = new Provider(issuer, {
  // In production: the adapter that you keep codes, tokens and sessions in.
  adapter: clientsFrom(dcrserver, MemoryAdapter),
  // Clients find the registration endpoint here.
  discovery: { registration_endpoint: `${DCRSERVER.replace(/\/$/, "")}/register` },
  clientAuthMethods: ["client_secret_basic", "client_secret_post", "private_key_jwt", "none"],
  scopes: ["openid", "profile"],
  pkce: { required: () => true },
  claims: { openid: ["sub"] },
  features: { introspection: { enabled: true }, revocation: { enabled: true } },
  async findAccount(_ctx, id) {
    return { accountId: id, claims: async () => ({ sub: id }) };
  },
});
compareSecretsWith(dcrserver, provider);

provider.listen(Number(PORT), "127.0.0.1", () => console.log(`listening on ${issuer}`));
