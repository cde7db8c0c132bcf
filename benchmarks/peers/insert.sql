\set number random(1, 1000000000)
INSERT INTO written (client_id, secret_digest, token_digest, issued_at, metadata) VALUES (
  gen_random_uuid()::text,
  sha256(int8send(:number)),
  sha256(int8send(:number + 1)),
  1790000000,
  '{"redirect_uris":["https://client.example.org/callback","https://client.example.org/other"],"token_endpoint_auth_method":"client_secret_basic","grant_types":["authorization_code","refresh_token"],"response_types":["code"],"client_name":"Benchmark client","client_uri":"https://client.example.org/","logo_uri":"https://client.example.org/logo.png","scope":"openid profile email","contacts":["operations@client.example.org"],"tos_uri":"https://client.example.org/terms","policy_uri":"https://client.example.org/privacy","software_id":"benchmark-software","software_version":"1.0.0"}'
);
