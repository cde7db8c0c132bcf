// Registrations of clients in use that are served out of tolerance; one by name:
// node drive_tolerances.mjs BASE_URL NAME
import assert from "node:assert/strict";
import { registerClient } from "@modelcontextprotocol/sdk/client/auth.js";
import * as oauth from "oauth4webapi";
import { CALLBACK, start } from "./common.mjs";

const { base, finish } = start("@modelcontextprotocol/sdk");
const metadata = { registration_endpoint: `${base}/register` };
const PLAIN_HTTP = { [oauth.allowInsecureRequests]: true };

const TOLERANCES = {
  /** The SDK demands the member redirect_uris of every answer, also for machines. */
  async mcp_machine_without_redirect_uris() {
    const clientMetadata = { redirect_uris: [], grant_types: ["client_credentials"] };
    const client = await registerClient(base, { metadata, clientMetadata });
    assert.deepEqual(client.redirect_uris, []);
  },

  /** What Cursor registers: its own scheme, its web site and this machine, no type. */
  async mcp_mixed_redirect_uris() {
    const redirect_uris = [
      "cursor://anysphere.cursor-mcp/oauth/callback",
      "https://www.cursor.com/agents/mcp/oauth/callback",
      "http://localhost:8787/callback",
    ];
    const clientMetadata = {
      client_name: "Cursor",
      redirect_uris,
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    };
    const client = await registerClient(base, { metadata, clientMetadata });
    assert.deepEqual(client.redirect_uris, redirect_uris);
  },

  /** Empty lists count as omitted, both of them. */
  async empty_grant_and_response_types() {
    const sent = { redirect_uris: [CALLBACK], grant_types: [], response_types: [] };
    const as = { issuer: base, ...metadata };
    const answer = await oauth.dynamicClientRegistrationRequest(as, sent, PLAIN_HTTP);
    const client = await oauth.processDynamicClientRegistrationResponse(answer);
    assert.deepEqual(client.grant_types, ["authorization_code"]);
    assert.deepEqual(client.response_types, ["code"]);
  },
};

const name = process.argv[3];
await TOLERANCES[name]();
finish({ tolerated: name });
