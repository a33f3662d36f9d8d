import assert from "node:assert/strict";
import { test } from "node:test";
import { status } from "@grpc/grpc-js";
import * as firstlight from "@firstlight/client";
import { type Answer, open, serve, statusDetails } from "./fake.js";

async function failure(answer: Answer): Promise<firstlight.FirstlightError> {
  const server = await serve(() => answer);
  const client = await open(server.address);
  const error: unknown = await client.bundles.rollbackBundle().catch((error: unknown) => error);
  assert(error instanceof firstlight.FirstlightError);
  return error;
}

const CLASSES = {
  INVALID_ARGUMENT: firstlight.InvalidInputError,
  NOT_FOUND: firstlight.NotFoundError,
  ALREADY_EXISTS: firstlight.ConflictError,
  FAILED_PRECONDITION: firstlight.PreconditionError,
  DATA_LOSS: firstlight.CorruptBundleError,
  UNAVAILABLE: firstlight.UnavailableError,
  DEADLINE_EXCEEDED: firstlight.DeadlineError,
  INTERNAL: firstlight.FirstlightError,
  UNIMPLEMENTED: firstlight.FirstlightError,
} as const;

for (const [code, expected] of Object.entries(CLASSES))
  test(`${code} is ${expected.name}`, async () => {
    const trailers = { "grpc-status-details-bin": statusDetails("SOME_REASON", { request_id: "7" }) };
    const error = await failure({ code: status[code as keyof typeof CLASSES], details: "what happened", trailers });
    assert.equal(error.constructor, expected);
    assert.equal(error.name, expected.name);
    assert.equal(error.code, code);
    assert.equal(error.message, "what happened");
    assert.equal(error.reason, "SOME_REASON");
    assert.deepEqual(error.metadata, { request_id: "7" });
    assert(error.cause instanceof Error);
  });

test("violations are read, and counted by the server", async () => {
  const violations: [string, string][] = [
    ["interactions[17].value", "must be finite"],
    ["catalog_id", "ünïcode"],
  ];
  const details = statusDetails("INVALID_FIELD", { violations: "31" }, violations);
  const error = await failure({ code: status.INVALID_ARGUMENT, trailers: { "grpc-status-details-bin": details } });
  assert(error instanceof firstlight.InvalidInputError);
  assert.deepEqual(
    error.violations.map(({ field, description }) => [field, description]),
    violations,
  );
  assert.equal(error.total, 31);
});

test("an ErrorInfo of another domain is not ours", async () => {
  const details = statusDetails("QUOTA", { zone: "eu" }, [], "googleapis.com");
  const error = await failure({ code: status.NOT_FOUND, trailers: { "grpc-status-details-bin": details } });
  assert.equal(error.reason, "");
  assert.deepEqual(error.metadata, {});
});

test("details that cannot be read do not hide the failure", async () => {
  for (const garbage of ["\x1a\x7f", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "\x1a\x04\x12\x02\x0a\x09", ""]) {
    const trailers = { "grpc-status-details-bin": Buffer.from(garbage, "latin1") };
    const error = await failure({ code: status.INVALID_ARGUMENT, details: "bad", trailers });
    assert(error instanceof firstlight.InvalidInputError);
    assert.deepEqual([error.message, error.reason, error.violations, error.total], ["bad", "", [], 0]);
  }
});

test("a failure of gRPC itself says which server is meant", async () => {
  const error = await failure({ code: status.UNAVAILABLE, details: "going away" });
  assert.match(error.message, /^cannot reach 127\.0\.0\.1:\d+: going away$/);
});
