#!/usr/bin/env bash
# postgres.js 3.4.9: `sslrootcert` of a URL is no file to verify with, but a setting that the server is asked for.
#
# Versions:  postgres 3.4.9, pg 8.23.1, Node.js 20.20
# Expected:  `sslmode=verify-full&sslrootcert=FILE` verifies with FILE, as in libpq's URLs and in pg, or is refused at once.
# Behaviour: `sslmode` counts, the file does not: a certificate that it vouches for is refused. Where the handshake succeeds all
#            the same (NODE_EXTRA_CA_CERTS), `sslrootcert` is in the startup message, and PostgreSQL refuses: no such setting.
# Output:    "pg: asks for user,database,client_encoding; postgres: self-signed certificate; with NODE_EXTRA_CA_CERTS: asks for
#            user,database,client_encoding,application_name,sslrootcert"
# Matters:   the one URL that verifies in nearly every other client opens no session with this one, whatever its options say.
#
# Exits 0 while it is so, 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts postgres@3.4.9 pg@8.23.1 > /dev/null
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
  -keyout key.pem -out certificate.pem 2> /dev/null

cat > look.js <<'NODE'
const fs = require("node:fs");
const net = require("node:net");
const tls = require("node:tls");

// As much of a PostgreSQL as it takes: it agrees to TLS, and answers with the settings that it is asked for.
const secureContext = tls.createSecureContext({ key: fs.readFileSync("key.pem"), cert: fs.readFileSync("certificate.pem") });
const answer = (startup) => {
  const names = startup.subarray(8).toString().split("\0").filter((_, index) => index % 2 === 0).filter(Boolean);
  const fields = Buffer.from(`SFATAL\0C28000\0Masks for ${names.join(",")}\0\0`);
  const refusal = Buffer.concat([Buffer.from("E"), Buffer.alloc(4), fields]);
  refusal.writeInt32BE(fields.length + 4, 1);
  return refusal;
};
const server = net.createServer((socket) => {
  socket.on("error", () => {});
  socket.once("data", () => {
    socket.write("S");
    const secure = new tls.TLSSocket(socket, { isServer: true, secureContext });
    secure.on("error", () => {});
    secure.once("data", (startup) => secure.end(answer(startup)));
  });
});

server.listen(0, "127.0.0.1", async () => {
  const url = `postgres://app:secret@localhost:${server.address().port}/app?sslmode=verify-full&sslrootcert=certificate.pem`;
  const said = (error) => error.message;
  if (process.argv[2] === "pg") {
    const { Client } = require("pg");
    console.log(await new Client({ connectionString: url }).connect().catch(said));
  } else {
    const sql = require("postgres")(url, { max: 1 });
    console.log(await sql`select 1`.catch(said));
  }
  process.exit();
});
NODE

of_pg=$(node look.js pg 2> /dev/null)
of_postgres=$(node look.js postgres 2> /dev/null)
trusted=$(NODE_EXTRA_CA_CERTS=certificate.pem node look.js postgres 2> /dev/null)
printf 'pg: %s; postgres: %s; with NODE_EXTRA_CA_CERTS: %s\n' "$of_pg" "$of_postgres" "$trusted"
[[ $of_pg == "asks for "* && $of_pg != *sslrootcert* ]]
[[ $of_postgres == "self-signed certificate" ]]
[[ $trusted == "asks for "*sslrootcert* ]]
