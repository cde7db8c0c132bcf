// The MCP TypeScript SDK at the MCP server of docs/mcp.md: registers, signs in, calls the tool.
import assert from "node:assert/strict";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { UnauthorizedError } from "@modelcontextprotocol/sdk/client/auth.js";

const [server] = process.argv.slice(2);

/** A program on somebody's machine, as VS Code is one. */
class Editor {
  redirectUrl = "http://127.0.0.1:33418/callback";
  clientMetadata = {
    client_name: "An editor",
    redirect_uris: [this.redirectUrl],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
    scope: "profile",
  };
  clientInformation = () => this.client;
  saveClientInformation = (client) => void (this.client = client);
  tokens = () => this.granted;
  saveTokens = (tokens) => void (this.granted = tokens);
  saveCodeVerifier = (verifier) => void (this.verifier = verifier);
  codeVerifier = () => this.verifier;
  redirectToAuthorization = (url) => void (this.sentTo = url);
}

/** What a person does in the browser: types a login, and is sent back. */
async function signsIn(url) {
  const answer = await fetch(url, {
    method: "POST", body: new URLSearchParams({ login: "grace" }), redirect: "manual",
  });
  const back = new URL(answer.headers.get("location"));
  assert.equal(`${back.origin}${back.pathname}`, editor.redirectUrl);
  return back.searchParams.get("code");
}

const editor = new Editor();
const connect = async () => {
  const transport = new StreamableHTTPClientTransport(new URL(server), { authProvider: editor });
  const client = new Client({ name: "An editor", version: "1" });
  try {
    await client.connect(transport);
  } catch (error) {
    if (!(error instanceof UnauthorizedError)) throw error;
    await transport.finishAuth(await signsIn(editor.sentTo));
    return undefined;
  }
  return client;
};
assert.equal(await connect(), undefined); // first the person
const client = await connect();
const { content } = await client.callTool({ name: "who_am_i", arguments: {} });
await client.close();
console.log(`editor ${editor.client.client_id}: ${content[0].text}`);
