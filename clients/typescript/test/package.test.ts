import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { promisify } from "node:util";
import { serve } from "./fake.js";

const ROOT = new URL("../../", import.meta.url);

test("the example runs, and the README shows it as it is", async () => {
  const reason = { itemId: "item-07", score: 0.5, source: "popularity", reasonText: "Many like it" };
  const recommendation = { items: [reason], degraded: [] };
  const written = { writeToken: "t", writtenCount: 1, unchangedCount: 0 };
  const server = await serve(({ method }) => (method === "Recommend" ? { recommendation } : written));
  const example = new URL("build/example/recommend.js", ROOT).pathname;
  const { stdout } = await promisify(execFile)(process.execPath, [example, server.address]);
  assert.equal(stdout, "item-07 0.5 Many like it\n");
  assert.deepEqual(
    server.received.map(({ method }) => method),
    ["Recommend", "BatchWriteInteractions", "Recommend"],
  );
  assert.equal(server.received[2]?.request["minWriteToken"], "t");
  const source = readFileSync(new URL("example/recommend.ts", ROOT), "utf8");
  assert(readFileSync(new URL("README.md", ROOT), "utf8").includes(`\`\`\`ts\n${source}\`\`\``));
});

test("the service config is the one that all clients share", () => {
  const [own, shared] = ["service_config.json", "../../protos/service_config.json"];
  assert.equal(readFileSync(new URL(own, ROOT), "utf8"), readFileSync(new URL(shared, ROOT), "utf8"));
});
