// oauth4webapi: each request and the check of its answer are two calls.
import assert from "node:assert/strict";
import * as oauth from "oauth4webapi";
import { start, tryHabits, updateOf, withoutSecret } from "./common.mjs";

const { base, finish } = start("oauth4webapi");
const issuer = new URL(base);
const PLAIN_HTTP = { [oauth.allowInsecureRequests]: true };
const MACHINE = {
  client_name: "A machine",
  grant_types: ["client_credentials"],
  scope: "profile email",
};

async function discover(algorithm) {
  const answer = await oauth.discoveryRequest(issuer, { algorithm, ...PLAIN_HTTP });
  return oauth.processDiscoveryResponse(issuer, answer);
}

async function register(as, metadata) {
  const answer = await oauth.dynamicClientRegistrationRequest(as, metadata, PLAIN_HTTP);
  return oauth.processDynamicClientRegistrationResponse(answer);
}

async function grant(as, client, authentication, parameters = {}) {
  const answer = await oauth.clientCredentialsGrantRequest(
    as, client, authentication, parameters, PLAIN_HTTP,
  );
  return oauth.processClientCredentialsResponse(as, client, answer);
}

/** As a resource server: the signature by the published keys, and the claims of RFC 9068. */
async function verify(as, token) {
  const headers = { authorization: `Bearer ${token}` };
  const request = new Request("https://resource.example/", { headers });
  return oauth.validateJwtAccessToken(as, request, as.issuer, PLAIN_HTTP);
}

async function manage(client, method, body) {
  const headers = new Headers(body && { "content-type": "application/json" });
  return oauth.protectedResourceRequest(
    client.registration_access_token, method, new URL(client.registration_client_uri),
    headers, body && JSON.stringify(body), PLAIN_HTTP,
  );
}

async function json(answer, status = 200) {
  assert.equal(answer.status, status);
  assert.equal(answer.headers.get("cache-control"), "no-store");
  return answer.json();
}

/** That `call` ends in 401 with one challenge (RFC 6750 3, RFC 6749 5.2). */
async function challenged(call, scheme, error) {
  await assert.rejects(call, (refusal) => {
    assert.equal(refusal.code, oauth.WWW_AUTHENTICATE_CHALLENGE);
    assert.equal(refusal.status, 401);
    assert.equal(refusal.cause.length, 1);
    assert.equal(refusal.cause[0].scheme, scheme);
    assert.equal(refusal.cause[0].parameters.error, error);
    return true;
  });
}

async function tokens(as) {
  const client = await register(as, MACHINE);
  const basic = oauth.ClientSecretBasic(client.client_secret);
  const all = await grant(as, client, basic);
  assert.equal(all.token_type, "bearer"); // the library folds the case
  assert.equal(all.scope, "profile email");
  const claims = await verify(as, all.access_token);
  assert.equal(claims.client_id, client.client_id);
  const some = await grant(as, client, basic, { scope: "email" });
  assert.equal(some.scope, "email");

  const posting = { ...MACHINE, token_endpoint_auth_method: "client_secret_post" };
  const poster = await register(as, posting);
  const posted = await grant(as, poster, oauth.ClientSecretPost(poster.client_secret));
  assert.equal((await verify(as, posted.access_token)).sub, poster.client_id);
  return { client, scopes: [all.scope, some.scope, posted.scope] };
}

async function lifeOf(as, client) {
  assert.deepEqual(await json(await manage(client, "GET")), withoutSecret(client));

  const wanted = updateOf(client, { client_name: undefined, scope: "email" });
  const updated = await json(await manage(client, "PUT", wanted));
  assert.equal(updated.scope, "email");
  assert.equal("client_name" in updated, false); // what is not sent is gone
  assert.equal(updated.client_id, client.client_id);
  assert.notEqual(updated.registration_access_token, client.registration_access_token);
  assert.deepEqual(await json(await manage(updated, "GET")), updated);
  await challenged(manage(client, "GET"), "bearer", "invalid_token"); // the old token

  const basic = oauth.ClientSecretBasic(client.client_secret); // it outlives the update
  assert.equal((await grant(as, client, basic)).scope, "email");

  const forbidden = { ...wanted, client_id_issued_at: 1 };
  const refusal = await json(await manage(updated, "PUT", forbidden), 400);
  assert.equal(refusal.error, "invalid_client_metadata");

  assert.equal((await manage(updated, "DELETE")).status, 204);
  await challenged(manage(updated, "GET"), "bearer", "invalid_token");
  await challenged(manage(updated, "DELETE"), "bearer", "invalid_token");
  await challenged(grant(as, client, basic), "basic", undefined);
}

/** What programs send that write every list, filled or not. */
async function withNothingToRedirectTo(as) {
  const lists = { redirect_uris: [], response_types: [], contacts: [] };
  const client = await register(as, { ...lists, grant_types: ["client_credentials"] });
  assert.deepEqual(client.response_types, []);
  const granted = await grant(as, client, oauth.ClientSecretBasic(client.client_secret));
  await verify(as, granted.access_token);
}

async function refused(as) {
  const call = register(as, { redirect_uris: ["http://client.example.org/callback"] });
  await assert.rejects(call, (refusal) => {
    assert.equal(refusal.code, oauth.RESPONSE_BODY_ERROR);
    assert.equal(refusal.status, 400);
    assert.equal(refusal.error, "invalid_redirect_uri");
    return true;
  });
}

const as = await discover("oidc");
assert.deepEqual(await discover("oauth2"), as);
assert.equal(as.issuer, base);
const { client, scopes } = await tokens(as);
await lifeOf(as, client);
await refused(as);
const habits = await tryHabits((metadata) => register(as, metadata));
await withNothingToRedirectTo(as);
finish({ issuer: as.issuer, scopes, habits: Object.keys(habits) });
