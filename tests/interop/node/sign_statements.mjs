// An issuer of software statements that knows nothing of ours: keys and statements by jose.
import { SignJWT, exportJWK, generateKeyPair } from "jose";

const ISSUER = "https://jose.example";
const keys = [];
const statements = {};
for (const algorithm of ["RS256", "PS256", "ES256", "ES384", "EdDSA"]) {
  const { publicKey, privateKey } = await generateKeyPair(algorithm);
  keys.push({ ...(await exportJWK(publicKey)), kid: algorithm, alg: algorithm, use: "sig" });
  statements[algorithm] = await new SignJWT({
    software_id: "by-jose",
    client_name: `Signed with ${algorithm}`,
    redirect_uris: ["https://jose.example/callback"],
  })
    .setProtectedHeader({ alg: algorithm, kid: algorithm, typ: "JWT" })
    .setIssuer(ISSUER)
    .setIssuedAt()
    .setExpirationTime("5m")
    .setJti(crypto.randomUUID())
    .sign(privateKey);
}
console.log(JSON.stringify({ issuer: ISSUER, jwks: { keys }, statements }));
