// node-oidc-provider as a registration server whose clients survive a restart, as ours do.
// From the environment: PORT, and DATABASE: postgresql://... or the path of an SQLite file.
import { generateKeyPairSync } from "node:crypto";
import Provider from "oidc-provider";

const { PORT, DATABASE } = process.env;
const TABLE = "create table if not exists entries (key text primary key, payload text not null)";
const PUT =
  "insert into entries (key, payload) values ($1, $2) " +
  "on conflict (key) do update set payload = excluded.payload";
const GET = "select payload from entries where key = $1";
const REMOVE = "delete from entries where key = $1";

async function postgresql(connectionString) {
  const { default: pg } = await import("pg");
  const pool = new pg.Pool({ connectionString, max: 10 });
  await pool.query(TABLE);
  const run = (name, text) => (...values) => pool.query({ name, text, values });
  const [put, get, remove] = [run("put", PUT), run("get", GET), run("remove", REMOVE)];
  return { put, remove, get: async (key) => (await get(key)).rows[0]?.payload };
}

async function sqlite(path) {
  const { DatabaseSync } = await import("node:sqlite");
  const database = new DatabaseSync(path);
  database.exec("pragma journal_mode = wal; pragma synchronous = full");
  database.exec(TABLE);
  const [put, get, remove] = [PUT, GET, REMOVE].map((text) =>
    database.prepare(text.replace(/\$\d/g, "?")),
  );
  return {
    put: (...values) => put.run(...values),
    get: (key) => get.get(key)?.payload,
    remove: (key) => remove.run(key),
  };
}

const store = await (DATABASE.includes("://") ? postgresql : sqlite)(DATABASE);

class Adapter {
  constructor(model) {
    this.model = model;
  }

  upsert(id, payload) {
    return store.put(`${this.model}:${id}`, JSON.stringify(payload));
  }

  async find(id) {
    const payload = await store.get(`${this.model}:${id}`);
    return payload && JSON.parse(payload);
  }

  destroy(id) {
    return store.remove(`${this.model}:${id}`);
  }
}

const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const signing = { ...privateKey.export({ format: "jwk" }), kid: "1", use: "sig", alg: "ES256" };
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const provider = new Provider(`http://127.0.0.1:${PORT}`, {
  adapter: Adapter,
  jwks: { keys: [signing, { ...rsa.export({ format: "jwk" }), kid: "2", use: "sig", alg: "RS256" }] },
  cookies: { keys: ["benchmark"] },
  scopes: ["openid", "offline_access", "profile", "email"],
  claims: { profile: ["name"], email: ["email"] },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    registration: { enabled: true, initialAccessToken: false },
    // As it is by default: an update gives the client a new token.
    registrationManagement: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => "urn:benchmark",
      getResourceServerInfo: () => ({
        scope: "profile",
        accessTokenFormat: "jwt",
        jwt: { sign: { alg: "ES256" } },
      }),
    },
  },
});
provider.listen(Number(PORT), "127.0.0.1", () => console.log("listening"));
