#!/usr/bin/env bash
# Knex 3.3.0: of `sslmode=require&uselibpqcompat=true` it makes another connection than pg, which it connects with.
#
# Versions:  knex 3.3.0 (it pins pg-connection-string 2.6.2), pg 8.23.1 (pg-connection-string 2.14), Node.js 20.20
# Expected:  the same as pg by itself: with `uselibpqcompat=true`, `sslmode=require` encrypts and verifies no certificate, as
#            in libpq.
# Behaviour: pg goes on after the handshake with a server whose certificate is self-signed; Knex, given the same URL, reads it
#            with an older parser that does not know `uselibpqcompat`, and breaks off.
# Output:    "pg: went on, knex: self-signed certificate"
# Matters:   a URL that was tried with pg, or that pg's own warning recommends, fails in a program that uses Knex.
#
# Exits 0 while it is so, 1 when it has changed.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund --ignore-scripts knex@3.3.0 pg@8.23.1 > /dev/null
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -keyout key.pem -out certificate.pem 2> /dev/null

cat > look.js <<'NODE'
const fs = require("node:fs");
const net = require("node:net");
const tls = require("node:tls");
const { Client } = require("pg");
const knex = require("knex");

// As much of a PostgreSQL as it takes: it agrees to TLS, and refuses whoever comes through the handshake.
const secureContext = tls.createSecureContext({ key: fs.readFileSync("key.pem"), cert: fs.readFileSync("certificate.pem") });
const fields = Buffer.from("SFATAL\0C28000\0Mwent on\0\0");
const refusal = Buffer.concat([Buffer.from("E"), Buffer.alloc(4), fields]);
refusal.writeInt32BE(fields.length + 4, 1);
const server = net.createServer((socket) => {
  socket.on("error", () => {});
  socket.once("data", () => {
    socket.write("S");
    const secure = new tls.TLSSocket(socket, { isServer: true, secureContext });
    secure.on("error", () => {});
    secure.once("data", () => secure.end(refusal));
  });
});

server.listen(0, "127.0.0.1", async () => {
  const url = `postgres://app:secret@localhost:${server.address().port}/app?sslmode=require&uselibpqcompat=true`;
  const said = (error) => error.message;
  const ofPg = await new Client({ connectionString: url }).connect().catch(said);
  const ofKnex = await knex({ client: "pg", connection: url }).raw("select 1").catch(said);
  console.log(`pg: ${ofPg}, knex: ${ofKnex}`);
  process.exit();
});
NODE

# Knex writes its own errors to standard output.
seen=$(node look.js 2> /dev/null | tail -n 1)
printf '%s\n' "$seen"
[[ $seen == "pg: went on, knex: self-signed certificate" ]]
