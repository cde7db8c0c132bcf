// The MCP SDK as editors and agents use it. It offers no RFC 7592 calls: those are plain fetch.
import assert from "node:assert/strict";
import {
  auth,
  discoverAuthorizationServerMetadata,
  discoverOAuthMetadata,
  discoverOAuthServerInfo,
  registerClient,
} from "@modelcontextprotocol/sdk/client/auth.js";
import { ClientCredentialsProvider } from "@modelcontextprotocol/sdk/client/auth-extensions.js";
import {
  InvalidClientError,
  InvalidClientMetadataError,
} from "@modelcontextprotocol/sdk/server/auth/errors.js";
import { MCP_REDIRECTS, claimsOf, start, tryHabits, updateOf, withoutSecret } from "./common.mjs";

const { base, finish } = start("@modelcontextprotocol/sdk");
const SCOPE = "profile email";

/** What a program on the user's machine brings: no application_type, no response_types. */
class Editor {
  redirectUrl = MCP_REDIRECTS[0];
  clientMetadata = {
    client_name: "An editor",
    redirect_uris: MCP_REDIRECTS,
    token_endpoint_auth_method: "none",
    grant_types: ["authorization_code", "refresh_token"],
    scope: SCOPE,
  };
  discoveryState = () => ({ authorizationServerUrl: base });
  state = () => "a state";
  clientInformation = () => this.client;
  saveClientInformation = (client) => void (this.client = client);
  tokens = () => undefined;
  saveTokens = () => assert.fail("there is no token without a person");
  saveCodeVerifier = (verifier) => void (this.verifier = verifier);
  codeVerifier = () => this.verifier;
  redirectToAuthorization = (url) => void (this.sentTo = url);
}

/** A program without a person that registers itself; told so, it posts its secret. */
class Daemon {
  redirectUrl = undefined;
  clientMetadata = {
    client_name: "A daemon",
    redirect_uris: MCP_REDIRECTS,
    token_endpoint_auth_method: "client_secret_post",
    grant_types: ["authorization_code", "client_credentials"],
    scope: SCOPE,
  };
  discoveryState = () => ({ authorizationServerUrl: base });
  clientInformation = () => this.client;
  saveClientInformation = (client) => void (this.client = client);
  tokens = () => this.granted;
  saveTokens = (tokens) => void (this.granted = tokens);
  prepareTokenRequest = (scope) =>
    new URLSearchParams({ grant_type: "client_credentials", scope });
}

async function discovers() {
  const metadata = await discoverAuthorizationServerMetadata(base);
  assert.equal(metadata.issuer, base);
  assert.deepEqual(await discoverOAuthMetadata(base), metadata);
  // Without resource metadata (RFC 9728) an MCP server's origin is taken for its issuer.
  const { origin } = new URL(base);
  const found = await discoverOAuthServerInfo(base);
  assert.equal(found.authorizationServerUrl, `${origin}/`);
  assert.equal(found.authorizationServerMetadata.issuer, origin);
  return metadata;
}

/** Registers with the SDK; the whole answer, of which the SDK returns what it knows. */
async function register(metadata, clientMetadata) {
  let answer;
  const fetchFn = async (...request) => {
    const response = await fetch(...request);
    answer = await response.clone().json();
    return response;
  };
  const returned = await registerClient(base, { metadata, clientMetadata, fetchFn });
  for (const [name, value] of Object.entries(returned)) {
    assert.deepEqual(answer[name], value, name);
  }
  assert.equal("registration_access_token" in returned, false); // why the answer is kept
  return answer;
}

/** The whole flow of an editor up to the browser, and what the browser is told. */
async function sendsAPerson() {
  const editor = new Editor();
  assert.equal(await auth(editor, { serverUrl: base }), "REDIRECT");
  assert.deepEqual(editor.client.redirect_uris, MCP_REDIRECTS);
  assert.equal(editor.client.client_secret, undefined);
  assert.equal(editor.client.scope, SCOPE);

  const answer = await fetch(editor.sentTo, { redirect: "manual" });
  assert.equal(answer.status, 200);
  const [, link] = /<a href="([^"]+)" rel=/.exec(await answer.text());
  const back = new URL(link.replaceAll("&amp;", "&"));
  assert.equal(`${back.origin}${back.pathname}`, editor.redirectUrl);
  assert.equal(back.searchParams.get("state"), "a state");
  assert.equal(back.searchParams.get("iss"), base);
  // No authorization server is connected in this test.
  assert.equal(back.searchParams.get("error"), "temporarily_unavailable");
}

function agentOf({ client_id: clientId, client_secret: clientSecret }, scope) {
  const agent = new ClientCredentialsProvider({
    clientId, clientSecret, expectedIssuer: base, scope,
  });
  agent.discoveryState = () => ({ authorizationServerUrl: base });
  return agent;
}

/** The SDK's own machine client, with what was issued to it. */
async function authorizes(client, scope) {
  const agent = agentOf(client, scope);
  assert.equal(await auth(agent, { serverUrl: base }), "AUTHORIZED");
  checkTokens(agent.tokens(), client, scope);
}

async function registersItself() {
  const daemon = new Daemon();
  assert.equal(await auth(daemon, { serverUrl: base }), "AUTHORIZED");
  assert.equal(daemon.client.token_endpoint_auth_method, "client_secret_post");
  checkTokens(daemon.granted, daemon.client, SCOPE);
}

function checkTokens(granted, client, scope) {
  assert.equal(granted.token_type, "Bearer");
  assert.equal(granted.scope, scope);
  const claims = claimsOf(granted.access_token);
  assert.equal(claims.iss, base);
  assert.equal(claims.client_id, client.client_id);
}

async function manage(client, method, body) {
  const headers = { authorization: `Bearer ${client.registration_access_token}` };
  if (body) headers["content-type"] = "application/json";
  const sent = { method, headers, body: body && JSON.stringify(body) };
  return fetch(client.registration_client_uri, sent);
}

async function json(answer) {
  assert.equal(answer.status, 200);
  return answer.json();
}

async function lifeOf(client) {
  assert.deepEqual(await json(await manage(client, "GET")), withoutSecret(client));
  const changes = { redirect_uris: [MCP_REDIRECTS[0]], scope: "email" };
  const updated = await json(await manage(client, "PUT", updateOf(client, changes)));
  assert.deepEqual(updated.redirect_uris, changes.redirect_uris);
  assert.deepEqual(await json(await manage(updated, "GET")), updated);
  assert.equal((await manage(client, "GET")).status, 401); // ended by the use of the new one
  await authorizes(client, "email");

  assert.equal((await manage(updated, "DELETE")).status, 204);
  assert.equal((await manage(updated, "GET")).status, 401);
  await assert.rejects(auth(agentOf(client, "email"), { serverUrl: base }), InvalidClientError);
}

const metadata = await discovers();
await sendsAPerson();
const machine = await register(metadata, {
  client_name: "An agent",
  redirect_uris: MCP_REDIRECTS,
  grant_types: ["authorization_code", "refresh_token", "client_credentials"],
  scope: SCOPE,
});
await authorizes(machine, SCOPE);
await authorizes(machine, "profile");
await registersItself();
await lifeOf(machine);
await assert.rejects(
  register(metadata, { redirect_uris: MCP_REDIRECTS, grant_types: ["password"] }),
  InvalidClientMetadataError,
);
const habits = await tryHabits((sent) => register(metadata, sent));
finish({ issuer: metadata.issuer, habits: Object.keys(habits) });
