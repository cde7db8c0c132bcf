// dcrserver as the client store of node-oidc-provider: who a client is, and whether it is the one
// that it says. Everything else (codes, tokens, sessions) stays where it is.

const SECRET_METHODS = new Set(["client_secret_basic", "client_secret_post"]);
const SECONDS = 5;
const MAX_REMEMBERED = 10_000;

export class DcrServer {
  #issuer;
  #token;
  #remembered = new Map();

  /** `token`: an admin token with the scopes clients:read and clients:authenticate. */
  constructor(issuer, token) {
    this.#issuer = issuer.replace(/\/$/, "");
    this.#token = token;
  }

  /** The registered metadata, remembered as long as dcrserver allows; undefined if there is none. */
  async client(clientId) {
    const known = this.#remembered.get(clientId);
    if (known && known.until > Date.now()) return known.metadata;
    const answer = await this.#call(`clients/${encodeURIComponent(clientId)}`, {
      headers: known ? { "if-none-match": known.etag } : {},
    });
    this.#remembered.delete(clientId);
    if (answer.status === 404) return undefined;
    if (answer.status !== 200 && answer.status !== 304) throw await unexpected(answer);
    const seconds = Number(/max-age=(\d+)/.exec(answer.headers.get("cache-control"))?.[1] ?? 0);
    const metadata = answer.status === 304 ? known.metadata : await answer.json();
    this.#remember(clientId, {
      metadata,
      etag: answer.headers.get("etag"),
      until: Date.now() + seconds * 1000,
    });
    return metadata;
  }

  /** Whether this is the client's secret. dcrserver says so: it keeps digests, and gives none away. */
  async isSecret(clientId, method, secret) {
    const parts = [clientId, secret].map((part) => encodeURIComponent(part));
    const presented =
      method === "client_secret_basic"
        ? { authorization: `Basic ${Buffer.from(parts.join(":")).toString("base64")}` }
        : { parameters: { client_id: clientId, client_secret: secret } };
    const answer = await this.#call("authenticate", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(presented),
    });
    if (answer.status !== 200) throw await unexpected(answer);
    return (await answer.json()).active;
  }

  #call(path, { headers, ...init }) {
    return fetch(`${this.#issuer}/authorization-server/${path}`, {
      ...init,
      headers: { ...headers, authorization: `Bearer ${this.#token}` },
      signal: AbortSignal.timeout(SECONDS * 1000),
      redirect: "error",
    });
  }

  #remember(clientId, entry) {
    this.#remembered.set(clientId, entry);
    if (this.#remembered.size > MAX_REMEMBERED) {
      this.#remembered.delete(this.#remembered.keys().next().value);
    }
  }
}

/** The adapter for `new Provider(issuer, { adapter })`: `Others` keeps what is not a client. */
export function clientsFrom(dcrserver, Others) {
  return (model) => (model === "Client" ? new ClientAdapter(dcrserver) : new Others(model));
}

/** Call it once on the provider: secrets are compared by dcrserver. */
export function compareSecretsWith(dcrserver, provider) {
  provider.Client.prototype.compareClientSecret = function compare(secret) {
    return dcrserver.isSecret(this.clientId, this.clientAuthMethod, secret);
  };
}

class ClientAdapter {
  #dcrserver;

  constructor(dcrserver) {
    this.#dcrserver = dcrserver;
  }

  async find(clientId) {
    const metadata = await this.#dcrserver.client(clientId);
    if (metadata === undefined || !SECRET_METHODS.has(metadata.token_endpoint_auth_method)) {
      return metadata;
    }
    // The provider wants one to be there; it is never looked at (compareSecretsWith).
    return { ...metadata, client_secret: "kept by dcrserver" };
  }
}

async function unexpected(answer) {
  return new Error(`dcrserver answered ${answer.status}: ${(await answer.text()).slice(0, 200)}`);
}
