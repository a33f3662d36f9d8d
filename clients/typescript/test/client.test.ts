import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { test } from "node:test";
import { status } from "@grpc/grpc-js";
import { NotFoundError, PluginState, TrainingJob_State } from "@firstlight/client";
import { open, type Received, serve } from "./fake.js";

const { PENDING, RUNNING } = TrainingJob_State;

test("the client's catalogue is for requests that name none", async () => {
  const server = await serve(() => ({}));
  const client = await open(server.address, { catalogId: "films" });
  await client.items.getItem({ itemId: "a" });
  await client.items.getItem({ itemId: "a", catalogId: "books" });
  await client.plugins.listPlugins();
  const catalogs = server.received.map(({ request }) => request["catalogId"]);
  assert.deepEqual(catalogs, ["films", "books", undefined]);
});

test("a request keeps what the caller gave it", async () => {
  const server = await serve(() => ({ writeToken: "t" }));
  const client = await open(server.address, { catalogId: "films" });
  const request = { interactions: [{ userId: "u", itemId: "i" }], requestId: "mine" };
  const copy = structuredClone(request);
  await client.interactions.batchWriteInteractions(request);
  assert.deepEqual(request, copy);
  assert.equal(server.received[0]?.request["requestId"], "mine");
});

test("a value of a wrong type is not sent", async () => {
  const server = await serve(() => ({}));
  const client = await open(server.address);
  await assert.rejects(client.items.listItems({ pageSize: 1.5 }), /int32/);
  assert.equal(server.received.length, 0);
});

function page({ request }: Received, elements: (ids: number[]) => object): object {
  const start = Number(request["pageToken"]);
  const size = Number(request["pageSize"]);
  const ids = Array.from({ length: Math.min(size, 7 - start) }, (_, i) => start + i);
  return { ...elements(ids), nextPageToken: start + size < 7 ? String(start + size) : "" };
}

test("lists run over all pages", async () => {
  const server = await serve((call) =>
    page(call, (ids) => ({
      items: ids.map((id) => ({ itemId: String(id), attributes: {} })),
      users: ids.map((id) => ({ userId: String(id), attributes: {} })),
      bundles: ids.map((id) => ({ bundleId: String(id), preset: "", seed: 0, metrics: {}, active: false })),
      jobs: ids.map((id) => ({ jobId: String(id) })),
      plugins: ids.map((id) => ({ name: String(id), components: [], hooks: [], state: PluginState.LOADED })),
    })),
  );
  const client = await open(server.address, { catalogId: "films" });
  const ids: string[] = [];
  for await (const item of client.allItems({ pageSize: 3 })) ids.push(item.itemId);
  for await (const user of client.allUsers({ pageSize: 3, catalogId: "books" })) ids.push(user.userId);
  for await (const bundle of client.allBundles({ pageSize: 3 })) ids.push(bundle.bundleId);
  for await (const job of client.allTrainingJobs({ pageSize: 3 })) ids.push(job.jobId);
  for await (const plugin of client.allPlugins({ pageSize: 3 })) ids.push(plugin.name);
  assert.equal(ids.join(""), "0123456".repeat(5));
  assert.equal(server.received.length, 15);
  const catalogs = server.received.map(({ request }) => request["catalogId"]);
  assert.deepEqual(catalogs.slice(0, 6), ["films", "films", "films", "books", "books", "books"]);
});

test("a list that is left fetches no more pages, and one that fails throws", async () => {
  const server = await serve((call, number) =>
    number < 2 ? page(call, () => ({ items: [{ itemId: "a", attributes: {} }] })) : { code: status.NOT_FOUND },
  );
  const client = await open(server.address);
  for await (const item of client.allItems({ pageSize: 1 })) {
    assert.equal(item.itemId, "a");
    break;
  }
  assert.equal(server.received.length, 1);
  await assert.rejects(client.allItems().next(), NotFoundError);
});

test("interactions are written in batches, each with one request id for all its tries", async () => {
  const server = await serve((call, number) => {
    if (number === 2) return { code: status.UNAVAILABLE };
    const count = (call.request["interactions"] as object[]).length;
    return { writeToken: `token-${String(number)}`, writtenCount: count - 1, unchangedCount: 1 };
  });
  const client = await open(server.address);
  async function* interactions(): AsyncGenerator<{ userId: string; itemId: string }> {
    for (let i = 0; i < 25; i++) yield await Promise.resolve({ userId: "u", itemId: String(i) });
  }
  const written = await client.writeAll(interactions(), { batchSize: 10 });
  assert.deepEqual(written, { writeToken: "token-4", writtenCount: 22, unchangedCount: 3 });
  const ids = server.received.map(({ request }) => request["requestId"]);
  assert.equal(ids[1], ids[2]);
  assert.equal(new Set(ids).size, 3);
  const sizes = server.received.map(({ request }) => (request["interactions"] as object[]).length);
  assert.deepEqual(sizes, [10, 10, 10, 5]);
});

test("batches are of 1,000 by default; nothing to write is no call", async () => {
  const server = await serve(() => ({ writeToken: "t", writtenCount: 1, unchangedCount: 0 }));
  const client = await open(server.address);
  assert.deepEqual(await client.writeAll([]), { writeToken: "", writtenCount: 0, unchangedCount: 0 });
  await client.writeAll(Array.from({ length: 2000 }, () => ({ userId: "u", itemId: "i" })));
  assert.equal(server.received.length, 2);
  for (const batchSize of [0, -1, 10_001, NaN]) await assert.rejects(client.writeAll([], { batchSize }), RangeError);
});

async function* forever({ signal }: Received): AsyncGenerator<object> {
  yield { job: { jobId: "j", state: PENDING, progress: 0 } };
  while (!signal.aborted) {
    yield { job: { jobId: "j", state: RUNNING, progress: 0 } };
    await sleep(20);
  }
}

async function isCancelled(call: Received | undefined): Promise<boolean> {
  for (let i = 0; i < 100 && !call?.signal.aborted; i++) await sleep(10);
  return call?.signal.aborted ?? false;
}

test("a stream has no deadline and ends with the server's last message", async () => {
  const server = await serve(async function* () {
    yield await Promise.resolve({ job: { jobId: "j", state: PENDING, progress: 0 } });
    await sleep(300);
    yield { job: { jobId: "j", state: RUNNING, progress: 0 } };
  });
  const client = await open(server.address, { timeoutMs: 100 });
  const states = [];
  for await (const { job } of client.training.watchTrainingJob({ jobId: "j" })) states.push(job?.state);
  assert.deepEqual(states, [PENDING, RUNNING]);
  assert.equal(server.received[0]?.deadline, Infinity);
});

test("leaving the loop cancels the stream", async () => {
  const server = await serve(forever);
  const client = await open(server.address);
  for await (const { job } of client.training.watchTrainingJob({ jobId: "j" })) if (job?.state === RUNNING) break;
  assert(await isCancelled(server.received[0]));
});

test("a signal cancels the stream, which then throws its reason", async () => {
  const server = await serve(forever);
  const client = await open(server.address);
  const stop = new AbortController();
  await assert.rejects(
    async () => {
      for await (const { job } of client.training.watchTrainingJob({ jobId: "j" }, { signal: stop.signal }))
        if (job?.state === RUNNING) stop.abort();
    },
    { name: "AbortError" },
  );
  assert(await isCancelled(server.received[0]));
});

test("a deadline on a stream ends it", async () => {
  const server = await serve(forever);
  const client = await open(server.address);
  const watch = client.training.watchTrainingJob({ jobId: "j" }, { timeoutMs: 150 });
  await assert.rejects(
    async () => {
      for await (const { job } of watch) assert.equal(job?.jobId, "j");
    },
    { name: "DeadlineError" },
  );
});
