import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ServerCredentials } from "@grpc/grpc-js";
import { connect, DeadlineError, UnavailableError } from "@firstlight/client";
import { freePort, open, serve } from "./fake.js";

test("a call waits for a server that starts later", async () => {
  const port = await freePort();
  const client = await open(`127.0.0.1:${String(port)}`);
  const call = client.bundles.rollbackBundle(); // is never tried again
  await new Promise((resolve) => setTimeout(resolve, 500));
  await serve(() => ({ writeToken: "a" }), { port });
  assert.equal((await call).writeToken, "a");
});

test("a call that waits in vain ends at its deadline and says so", async () => {
  const address = `127.0.0.1:${String(await freePort())}`;
  const client = await open(address, { timeoutMs: 300 });
  const start = Date.now();
  await assert.rejects(client.bundles.rollbackBundle(), {
    name: "DeadlineError",
    message: `no answer from ${address} within 300 ms: is a server running there?`,
  });
  assert(Date.now() - start < 1000);
});

test("without waiting an unreachable server fails at once", async () => {
  const client = await open(`127.0.0.1:${String(await freePort())}`, { waitForReady: false });
  await assert.rejects(client.bundles.rollbackBundle(), UnavailableError);
});

test("the deadline reaches the server: ten seconds, the client's, or the call's", async () => {
  const server = await serve(async () => {
    await new Promise((resolve) => setTimeout(resolve, 200));
    return {};
  });
  const usual = await open(server.address);
  await usual.items.getItem();
  const short = await open(server.address, { timeoutMs: 3_000 });
  await short.items.getItem();
  await assert.rejects(short.items.getItem({}, { timeoutMs: 100 }), DeadlineError);
  const left = server.received.map(({ deadline, at }) => Number(deadline) - at);
  assert(Math.abs((left[0] ?? 0) - 10_000) < 300, String(left[0]));
  assert(Math.abs((left[1] ?? 0) - 3_000) < 300, String(left[1]));
});

test("several addresses answer in turn, and one of them may be down", async () => {
  const servers = await Promise.all([serve(() => ({})), serve(() => ({})), serve(() => ({}))]);
  const ports = servers.map(({ address }) => address.split(":")[1] ?? "");
  const client = await open(ports.map((port) => `localhost:${port}`)); // names are resolved
  const counts = (): number[] => servers.map(({ received }) => received.length);
  while (counts().includes(0)) await client.items.getItem(); // until all are connected
  const before = counts();
  for (let call = 0; call < 30; call++) await client.items.getItem();
  assert.deepEqual(
    counts().map((count, i) => count - (before[i] ?? 0)),
    [10, 10, 10],
  );
  servers[1].stop();
  for (let call = 0; call < 20; call++) await client.items.getItem();
});

test("addresses that cannot be used are refused", async () => {
  await assert.rejects(connect([]), TypeError);
  await assert.rejects(connect(["127.0.0.1:1", "no port"]), /not a host:port: no port/);
  await assert.rejects(connect(["127.0.0.1:1", "no-such-host.invalid:1"]), /no-such-host\.invalid/);
});

test("a bearer token is sent to this machine, and nowhere else without TLS", async () => {
  const server = await serve(() => ({}));
  const client = await open(server.address, { bearerToken: "secret" });
  await client.items.getItem();
  assert.deepEqual(server.received[0]?.metadata.get("authorization"), ["Bearer secret"]);
  for (const address of ["localhost:1", "[::1]:1", "127.8.9.10:1"])
    (await connect(address, { bearerToken: "secret" })).close();
  for (const address of ["10.0.0.1:1", "127.0.0.1.example.com:1", "localhost.example.com:1", "127.0.0.1:1@h:1"])
    await assert.rejects(connect(["127.0.0.1:1", address], { bearerToken: "secret" }), /over TLS only/);
  await assert.rejects(connect("dns:///example.com:1", { bearerToken: "secret" }), /over TLS only/);
  (await connect("example.com:1", { bearerToken: "secret", tls: true })).close();
});

test("TLS by a CA file, to one server and to several", async () => {
  const folder = mkdtempSync(join(tmpdir(), "firstlight-"));
  after(() => {
    rmSync(folder, { recursive: true });
  });
  const [key, cert] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  const subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"];
  const flags = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1"];
  execFileSync("openssl", ["req", ...flags, "-keyout", key, "-out", cert, ...subject], { stdio: "ignore" });
  const pair = { private_key: readFileSync(key), cert_chain: readFileSync(cert) };
  const credentials = ServerCredentials.createSsl(null, [pair]);
  const servers = await Promise.all([serve(() => ({}), { credentials }), serve(() => ({}), { credentials })]);
  const byName = servers.map(({ address }) => address.replace("127.0.0.1", "localhost"));
  const tls = { caFile: cert };
  const one = await open(byName.slice(0, 1), { tls });
  await one.items.getItem();
  const both = await open(byName, { tls, bearerToken: "secret" });
  while (servers[1].received.length === 0) await both.items.getItem(); // until the second is connected
  assert.deepEqual(servers[1].received[0]?.metadata.get("authorization"), ["Bearer secret"]);
  const stranger = await open(byName, { tls: true, waitForReady: false });
  await assert.rejects(stranger.bundles.rollbackBundle(), UnavailableError);
});
