import assert from "node:assert/strict";
import { test } from "node:test";
import { status } from "@grpc/grpc-js";
import { UnavailableError } from "@firstlight/client";
import { type Answer, open, serve } from "./fake.js";

const UNAVAILABLE = { code: status.UNAVAILABLE, details: "try again" };

function pushback(value: string): Answer {
  return { ...UNAVAILABLE, trailers: { "grpc-retry-pushback-ms": value } };
}

function gaps(received: { at: number }[]): number[] {
  return received.slice(1).map(({ at }, i) => at - (received[i]?.at ?? 0));
}

for (const code of [status.UNAVAILABLE, status.CANCELLED, status.RESOURCE_EXHAUSTED])
  test(`${status[code]} is tried again`, async () => {
    const server = await serve((_, number) => (number < 3 ? { code } : { item: { itemId: "a" } }));
    const client = await open(server.address);
    const { item } = await client.items.getItem({ itemId: "a" });
    assert.equal(item?.itemId, "a");
    assert.equal(server.received.length, 3);
    const [first = 0, second = 0] = gaps(server.received);
    assert(first >= 75 && first < 400, `the first pause is 0.1 s, give or take 20 %: ${String(first)} ms`);
    assert(second >= 195 && second < 800, `the second is 0.25 s: ${String(second)} ms`);
  });

test("the fifth failure is final", async () => {
  const server = await serve(() => UNAVAILABLE);
  const client = await open(server.address);
  await assert.rejects(client.items.getItem({ itemId: "a" }), UnavailableError);
  assert.equal(server.received.length, 5);
});

test("other failures are final", async () => {
  const server = await serve(() => ({ code: status.INTERNAL }));
  const client = await open(server.address);
  await assert.rejects(client.items.getItem({ itemId: "a" }), { code: "INTERNAL" });
  assert.equal(server.received.length, 1);
});

test("what must not happen twice is never tried again", async () => {
  const server = await serve(() => UNAVAILABLE);
  const client = await open(server.address);
  await assert.rejects(client.bundles.rollbackBundle(), UnavailableError);
  await assert.rejects(client.training.createTrainingJob(), UnavailableError);
  assert.equal(server.received.length, 2);
});

test("a push-back replaces the pause, and starts the pauses anew", async () => {
  const server = await serve((_, number) => [pushback("400"), pushback("0"), UNAVAILABLE][number - 1] ?? {});
  const client = await open(server.address);
  await client.items.getItem({ itemId: "a" });
  const [first = 0, second = 0, third = 0] = gaps(server.received);
  assert(first >= 395 && first < 800, `400 ms: ${String(first)}`);
  assert(second < 75, `0 ms: ${String(second)}`);
  assert(third >= 75 && third < 400, `100 ms: ${String(third)}`);
});

for (const value of ["-1", "soon", "1.5", ""])
  test(`a push-back of "${value}" forbids another try`, async () => {
    const server = await serve(() => pushback(value));
    const client = await open(server.address);
    await assert.rejects(client.items.getItem({ itemId: "a" }), UnavailableError);
    assert.equal(server.received.length, 1);
  });

test("a push-back beyond the deadline ends at the deadline", async () => {
  const server = await serve(() => pushback("99999999999"));
  const client = await open(server.address, { timeoutMs: 300 });
  await assert.rejects(client.items.getItem({ itemId: "a" }), { code: "DEADLINE_EXCEEDED" });
  assert.equal(server.received.length, 1);
});

test("many failures stop the retries until calls succeed again", async () => {
  let broken = true;
  const server = await serve(() => (broken ? pushback("0") : {}));
  const client = await open(server.address);
  const attempts = async (): Promise<number> => {
    const before = server.received.length;
    await client.items.getItem({ itemId: "a" }).catch(() => undefined);
    return server.received.length - before;
  };
  for (let call = 0; call < 10; call++) assert.equal(await attempts(), 5); // 50 of 100 tokens are spent
  assert.equal(await attempts(), 1);
  broken = false;
  for (let call = 0; call < 30; call++) await attempts(); // each gives back a tenth of a token
  broken = true;
  assert((await attempts()) > 1);
});

test("a large request is tried again too", async () => {
  const server = await serve((_, number) => (number < 2 ? UNAVAILABLE : {}));
  const client = await open(server.address);
  const interactions = Array.from({ length: 10_000 }, () => ({ userId: "u".repeat(200), itemId: "i".repeat(200) }));
  await client.interactions.batchWriteInteractions({ interactions });
  const ids = server.received.map(({ request }) => request["requestId"]);
  assert.equal(ids.length, 2);
  assert.match(String(ids[0]), /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/);
  assert.equal(ids[1], ids[0]);
});

test("a cancelled call is not tried again", async () => {
  const stop = new AbortController();
  const server = await serve(() => {
    setTimeout(() => {
      stop.abort();
    }, 20); // within the first pause
    return UNAVAILABLE;
  });
  const client = await open(server.address);
  await assert.rejects(client.items.getItem({ itemId: "a" }, { signal: stop.signal }), { name: "AbortError" });
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(server.received.length, 1);
});

test("a signal that was aborted before keeps a call from being sent", async () => {
  const server = await serve(() => ({}));
  const client = await open(server.address);
  await assert.rejects(client.items.getItem({}, { signal: AbortSignal.abort(new Error("enough")) }), /enough/);
  assert.equal(server.received.length, 0);
});
