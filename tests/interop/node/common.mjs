// What the scripts share: the guard on requests, the habits of clients in use, the report.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

// RFC 7592 2.2: an update must not hold them, although every answer does.
const NOT_IN_UPDATES = [
  "registration_access_token",
  "registration_client_uri",
  "client_secret_expires_at",
  "client_id_issued_at",
];

export const CALLBACK = "https://client.example.org/callback";
// What MCP programs register: any port of this machine, and a scheme of their own.
export const MCP_REDIRECTS = [
  "http://localhost:33418/callback",
  "cursor://anysphere.cursor-retrieval/oauth/callback",
];

// Registrations as clients in use send them, and the members that must come back.
// undefined: the member must be absent.
const HABITS = {
  mcp: {
    sent: {
      client_name: "An editor",
      redirect_uris: MCP_REDIRECTS,
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
    },
    registered: {
      client_name: "An editor",
      redirect_uris: MCP_REDIRECTS,
      token_endpoint_auth_method: "none",
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
      application_type: "native",
      client_secret: undefined,
      client_secret_expires_at: undefined,
    },
  },
  signing_alg_beside_basic: {
    sent: {
      redirect_uris: [CALLBACK],
      token_endpoint_auth_method: "client_secret_basic",
      token_endpoint_auth_signing_alg: "RS256",
    },
    registered: {
      token_endpoint_auth_method: "client_secret_basic",
      token_endpoint_auth_signing_alg: "RS256",
      client_secret_expires_at: 0,
    },
  },
  empty_lists: {
    sent: {
      redirect_uris: [CALLBACK],
      grant_types: [],
      contacts: [],
      default_acr_values: [],
      request_uris: [],
    },
    registered: {
      redirect_uris: [CALLBACK],
      grant_types: ["authorization_code"],
      response_types: ["code"],
      contacts: undefined,
      default_acr_values: undefined,
      request_uris: undefined,
    },
  },
  six_response_types: {
    sent: {
      redirect_uris: [CALLBACK],
      grant_types: ["authorization_code", "implicit", "refresh_token"],
      response_types: [
        "code",
        "id_token",
        "id_token token",
        "code id_token",
        "code token",
        "code id_token token",
      ],
    },
    registered: {
      grant_types: ["authorization_code", "refresh_token"],
      response_types: ["code"],
    },
  },
};

/** Starts a script: its base URL, and `finish`, which prints the report. */
export function start(library) {
  const base = process.argv[2];
  assert.match(base ?? "", /^http:\/\//, "usage: node drive_X.mjs BASE_URL");
  const requests = watchRequests(base);
  const finish = (did) => {
    const { version } = JSON.parse(readFileSync(installed(library), "utf8"));
    console.log(JSON.stringify({ library, version, base, requests, ...did }));
  };
  return { base, finish };
}

/** The body of an update that sends back what was received; an undefined change leaves one out. */
export function updateOf(information, changes) {
  const kept = Object.entries(information).filter(([name]) => !NOT_IN_UPDATES.includes(name));
  return { ...Object.fromEntries(kept), ...changes };
}

/** What a later answer must repeat: everything but the secret, of which only a digest is kept. */
export function withoutSecret({ client_secret: _, ...rest }) {
  return rest;
}

/** Registers by each habit with `register`, which returns the raw answer; all of them. */
export async function tryHabits(register) {
  const answers = {};
  for (const [name, { sent, registered }] of Object.entries(HABITS)) {
    const answer = await register(sent);
    for (const [member, value] of Object.entries(registered)) {
      assert.deepEqual(answer[member], value, `${name}: ${member}`);
    }
    answers[name] = answer;
  }
  return answers;
}

/** The claims of a JWT, unverified; whoever verifies it does so beside this. */
export function claimsOf(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url").toString());
}

/**
 * Notes each request that a library makes, as evidence that it happened, and refuses those that
 * leave the server under test. The requests themselves are not changed.
 */
function watchRequests(base) {
  const { origin, pathname } = new URL(base);
  const unguarded = globalThis.fetch;
  const noted = [];
  globalThis.fetch = async (resource, init) => {
    const { url, method } = new Request(resource, { method: init?.method });
    assert.equal(new URL(url).origin, origin, `a request to ${url}`);
    const answer = await unguarded(resource, init);
    noted.push(`${method} ${placeOf(url, pathname)} ${answer.status}`);
    return answer;
  };
  return noted;
}

/** The path of `url` with the issuer's own path and identifiers out of it. */
function placeOf(url, issuerPath) {
  const { pathname } = new URL(url);
  const bare = issuerPath === "/" ? pathname : pathname.replace(issuerPath, "");
  return bare.replace(/\/register\/[^/]+$/, "/register/ID");
}

function installed(library) {
  return new URL(`./node_modules/${library}/package.json`, import.meta.url);
}
