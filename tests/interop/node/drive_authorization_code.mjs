// openid-client and a browser of a few lines: registers with dcrserver by way of an authorization
// server's discovery document, signs in there by code and PKCE, gets a token, and is deleted.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import * as client from "openid-client";

const CALLBACK = "https://client.example.org/callback";
const PLAIN_HTTP = { execute: [client.allowInsecureRequests] };
const SCOPE = "openid profile";
const MAX_STEPS = 20;

const [issuer, algorithm] = process.argv.slice(2);
const options = { algorithm, ...PLAIN_HTTP };

/** Follows redirects and fills in forms, as a person would, until the callback is reached. */
async function signIn(url) {
  const cookies = new Map();
  let request = { url: url.href, init: {} };
  for (let step = 0; step < MAX_STEPS; step += 1) {
    if (request.url.startsWith(CALLBACK)) return new URL(request.url);
    const headers = { cookie: [...cookies].map((pair) => pair.join("=")).join("; ") };
    const answer = await fetch(request.url, { ...request.init, headers, redirect: "manual" });
    for (const cookie of answer.headers.getSetCookie()) {
      const [name, value] = cookie.split(";", 1)[0].split("=", 2);
      cookies.set(name, value);
    }
    request = await next(answer, request.url);
  }
  throw new Error(`not signed in after ${MAX_STEPS} steps: ${request.url}`);
}

async function next(answer, from) {
  const location = answer.headers.get("location");
  if (location) return { url: new URL(location, from).href, init: {} };
  const page = await answer.text();
  const form = /<form[^>]*action="([^"]+)"/.exec(page);
  assert(form, `${answer.status} and no form: ${page.replace(/<style[^]*?<.style>/, "").slice(0, 1200)}`);
  const body = new URLSearchParams({ login: "alice", password: "any" });
  for (const [, input] of page.matchAll(/<input([^>]*)>/g)) {
    const name = /name="([^"]+)"/.exec(input)?.[1];
    if (name && /type="hidden"/.test(input)) body.set(name, /value="([^"]*)"/.exec(input)[1]);
  }
  const action = form[1].replaceAll("&amp;", "&");
  return { url: new URL(action, from).href, init: { method: "POST", body } };
}

/** The callback with a code, and what it takes to use it. */
async function authorized(config) {
  const pkceCodeVerifier = client.randomPKCECodeVerifier();
  const expectedState = client.randomState();
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: CALLBACK,
    scope: SCOPE,
    state: expectedState,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: "S256",
  });
  return { callback: await signIn(url), checks: { pkceCodeVerifier, expectedState } };
}

async function granted(config) {
  const { callback, checks } = await authorized(config);
  const token = await client.authorizationCodeGrant(config, callback, checks);
  assert(token.access_token);
  return token;
}

async function refused(call, code) {
  await assert.rejects(call, (error) => {
    // Beside Basic credentials a refusal comes with a challenge.
    const told = error.error ?? error.cause?.[0]?.parameters?.error;
    assert.equal(told, code, String(error));
    return true;
  });
}

async function keyPair() {
  const pair = await crypto.subtle.generateKey({ name: "ECDSA", namedCurve: "P-256" }, true, [
    "sign",
    "verify",
  ]);
  const jwk = await crypto.subtle.exportKey("jwk", pair.publicKey);
  return { key: pair.privateKey, jwks: { keys: [{ ...jwk, kid: "k1", use: "sig", alg: "ES256" }] } };
}

async function register(method, metadata, authentication) {
  return client.dynamicClientRegistration(
    new URL(issuer),
    {
      redirect_uris: [CALLBACK],
      scope: SCOPE,
      token_endpoint_auth_method: method,
      ...metadata,
    },
    authentication,
    options,
  );
}

/** The same client with another way to prove who it is. */
function instead(config, authentication) {
  const { client_secret: _, ...metadata } = config.clientMetadata();
  const other = new client.Configuration(
    config.serverMetadata(), metadata.client_id, metadata, authentication,
  );
  client.allowInsecureRequests(other);
  return other;
}

async function drive(method, metadata, authentication, wrong) {
  const config = await register(method, metadata, authentication);
  const { client_id: id, registration_client_uri: uri } = config.clientMetadata();
  assert.equal(config.clientMetadata().token_endpoint_auth_method, method);
  await granted(config);
  const { callback, checks } = await authorized(config);
  if (wrong) {
    await refused(
      client.authorizationCodeGrant(instead(config, wrong), callback, checks), "invalid_client",
    );
  }
  const token = await client.authorizationCodeGrant(config, callback, checks);
  const again = await authorized(config);
  await refused(
    client.authorizationCodeGrant(config, again.callback, {
      ...again.checks,
      pkceCodeVerifier: client.randomPKCECodeVerifier(),
    }),
    "invalid_grant",
  );
  const last = await authorized(config);
  const gone = await fetch(uri, {
    method: "DELETE",
    headers: { authorization: `Bearer ${config.clientMetadata().registration_access_token}` },
  });
  assert.equal(gone.status, 204);
  await refused(
    client.authorizationCodeGrant(config, last.callback, last.checks), "invalid_client",
  );
  return { method, id, token_type: token.token_type, registered_at: new URL(uri).origin };
}

const keys = await keyPair();
const others = await keyPair();
const PrivateKey = ({ key }) => client.PrivateKeyJwt({ key, kid: "k1" });
const lives = [
  await drive("client_secret_basic", {}, client.ClientSecretBasic(), client.ClientSecretBasic("x")),
  await drive("client_secret_post", {}, client.ClientSecretPost(), client.ClientSecretPost("x")),
  await drive("private_key_jwt", { jwks: keys.jwks }, PrivateKey(keys), PrivateKey(others)),
  await drive("none", {}, client.None()),
];
const { version } = JSON.parse(
  readFileSync(new URL("node_modules/openid-client/package.json", import.meta.url), "utf8"),
);
console.log(JSON.stringify({ library: "openid-client", version, issuer, lives }));
