// openid-client: a Configuration comes out of discovery and registration and makes the requests.
import assert from "node:assert/strict";
import * as client from "openid-client";
import { CALLBACK, claimsOf, start, tryHabits, updateOf, withoutSecret } from "./common.mjs";

const { base, finish } = start("openid-client");
const issuer = new URL(base);
const PLAIN_HTTP = { execute: [client.allowInsecureRequests] };
const MACHINE = {
  client_name: "A machine",
  redirect_uris: [CALLBACK],
  grant_types: ["authorization_code", "client_credentials"],
  scope: "openid profile",
};

async function register(metadata, authentication, options = {}) {
  return client.dynamicClientRegistration(issuer, metadata, authentication, {
    ...options,
    ...PLAIN_HTTP,
  });
}

async function manage(config, token, method, body) {
  const uri = new URL(config.clientMetadata().registration_client_uri);
  const headers = new Headers(body && { "content-type": "application/json" });
  return client.fetchProtectedResource(
    config, token, uri, method, body && JSON.stringify(body), headers,
  );
}

async function json(answer) {
  assert.equal(answer.status, 200);
  return answer.json();
}

async function challenged(call, scheme) {
  await assert.rejects(call, (refusal) => {
    assert(refusal instanceof client.WWWAuthenticateChallengeError);
    assert.equal(refusal.status, 401);
    assert.equal(refusal.cause[0].scheme, scheme);
    return true;
  });
}

function checkToken(granted, config, scope) {
  const claims = claimsOf(granted.access_token);
  assert.equal(granted.scope, scope);
  assert(granted.expiresIn() > 0);
  assert.equal(claims.iss, base);
  assert.equal(claims.client_id, config.clientMetadata().client_id);
}

/** Registration by either document of the server, token by what was issued. */
async function registersAndAuthenticates(algorithm) {
  const config = await register(MACHINE, client.ClientSecretBasic(), { algorithm });
  assert.equal(config.serverMetadata().issuer, base);
  assert.equal(config.serverMetadata().supportsPKCE(), true);
  checkToken(await client.clientCredentialsGrant(config), config, MACHINE.scope);
  const narrow = await client.clientCredentialsGrant(config, { scope: "profile" });
  checkToken(narrow, config, "profile");
  return config;
}

/** A program that was given id and secret before: discovery() instead of registration. */
async function discovers(algorithm, { client_id: id, client_secret: secret }) {
  const authentication = client.ClientSecretBasic(secret);
  const config = await client.discovery(issuer, id, undefined, authentication, {
    algorithm,
    ...PLAIN_HTTP,
  });
  checkToken(await client.clientCredentialsGrant(config), config, MACHINE.scope);
  return config;
}

/** Left alone, the library posts the secret; so that is what such a program registers. */
async function postsByDefault() {
  const config = await register({ ...MACHINE, token_endpoint_auth_method: "client_secret_post" });
  checkToken(await client.clientCredentialsGrant(config), config, MACHINE.scope);
}

/** The same without saying so is registered for Basic, and the server insists on it. */
async function basicIsNotPost() {
  const config = await register(MACHINE);
  assert.equal(config.clientMetadata().token_endpoint_auth_method, "client_secret_basic");
  await challenged(client.clientCredentialsGrant(config), "basic");
}

async function lifeOf(config) {
  const registered = config.clientMetadata();
  const { registration_access_token: token } = registered;
  const read = await json(await manage(config, token, "GET"));
  for (const [name, value] of Object.entries(read)) {
    assert.deepEqual(registered[name], value, name);
  }

  const wanted = updateOf(
    { ...read, client_secret: registered.client_secret },
    { client_name: "Renamed", scope: undefined, contacts: ["admin@client.example.org"] },
  );
  const updated = await json(await manage(config, token, "PUT", wanted));
  assert.equal(updated.client_name, "Renamed");
  assert.deepEqual(updated.contacts, ["admin@client.example.org"]);
  assert.equal("scope" in updated, false);
  const { registration_access_token: next } = updated;
  assert.deepEqual(await json(await manage(config, next, "GET")), withoutSecret(updated));
  await challenged(manage(config, token, "GET"), "bearer"); // ended by the use of the next
  checkToken(await client.clientCredentialsGrant(config), config, undefined);

  assert.equal((await manage(config, next, "DELETE")).status, 204);
  await challenged(manage(config, next, "GET"), "bearer");
  await challenged(client.clientCredentialsGrant(config), "basic");
}

async function refused() {
  const call = register({ redirect_uris: ["https://client.example.org/callback#fragment"] });
  await assert.rejects(call, (refusal) => {
    assert(refusal instanceof client.ResponseBodyError);
    assert.equal(refusal.error, "invalid_redirect_uri");
    return true;
  });
}

/** The person's browser is not ours to play, but the address it is sent to must be the server's. */
function authorizationUrl(config) {
  const url = client.buildAuthorizationUrl(config, { redirect_uri: CALLBACK, scope: "openid" });
  assert.equal(url.href.startsWith(`${base}/authorize?`), true);
}

const config = await registersAndAuthenticates("oidc");
await registersAndAuthenticates("oauth2");
await discovers("oidc", config.clientMetadata());
await discovers("oauth2", config.clientMetadata());
authorizationUrl(config);
await postsByDefault();
await basicIsNotPost();
await lifeOf(config);
await refused();
const habits = await tryHabits(async (sent) => (await register(sent)).clientMetadata());
finish({ issuer: config.serverMetadata().issuer, habits: Object.keys(habits) });
