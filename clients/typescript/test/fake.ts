// A server in this process that answers as a test tells it to.

import { once } from "node:events";
import { after } from "node:test";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import * as grpc from "@grpc/grpc-js";
import * as v1 from "@firstlight/client";

const SERVICES = [
  [v1.RecommendationServiceService, v1.RecommendationServiceDefinition],
  [v1.ItemServiceService, v1.ItemServiceDefinition],
  [v1.UserServiceService, v1.UserServiceDefinition],
  [v1.InteractionServiceService, v1.InteractionServiceDefinition],
  [v1.BundleServiceService, v1.BundleServiceDefinition],
  [v1.TrainingServiceService, v1.TrainingServiceDefinition],
  [v1.PluginServiceService, v1.PluginServiceDefinition],
] as const;

export interface Failure {
  code: grpc.status;
  details?: string;
  trailers?: Record<string, string | Buffer>;
}

/** What a fake answers one call with: a response, in part, or a failure. */
export type Answer = object | Failure;

/** A call as the fake received it. */
export interface Received {
  method: string;
  request: Record<string, unknown>;
  metadata: grpc.Metadata;
  deadline: grpc.Deadline;
  at: number;
  signal: AbortSignal;
}

export interface Fake {
  address: string;
  received: Received[];
  stop(): void;
}

type Call = grpc.ServerUnaryCall<Received["request"], object> & grpc.ServerWritableStream<object, object>;

interface Method {
  name: string;
  responseType: { fromPartial(message: object): object };
}

/** Serves `answer(call, its number from 1)`; a stream ends after the messages that are answered. */
export async function serve(
  answer: (call: Received, number: number) => Answer | AsyncIterable<object> | Promise<Answer>,
  options: { port?: number; credentials?: grpc.ServerCredentials } = {},
): Promise<Fake> {
  const received: Received[] = [];
  const server = new grpc.Server();
  const handle = async (method: Method, call: Call, callback?: grpc.sendUnaryData<object>): Promise<void> => {
    const cancelled = new AbortController();
    call.on("cancelled", () => {
      cancelled.abort();
    });
    const { metadata, request } = call;
    const deadline = call.getDeadline();
    const entry = { method: method.name, request, metadata, deadline, at: Date.now(), signal: cancelled.signal };
    const given = await answer(entry, received.push(entry));
    if (callback === undefined) {
      for await (const message of given as AsyncIterable<object>) call.write(method.responseType.fromPartial(message));
      call.end();
    } else if ("code" in given) {
      const { code, details = "", trailers = {} } = given;
      const metadata = new grpc.Metadata();
      for (const [key, value] of Object.entries(trailers)) metadata.set(key, value);
      callback({ code, details, metadata });
    } else {
      callback(null, method.responseType.fromPartial(given));
    }
  };
  for (const [service, { methods }] of SERVICES) {
    const handlers = Object.entries<Method>(methods).map(([name, method]) => [
      name,
      (call: Call, callback?: grpc.sendUnaryData<object>) => void handle(method, call, callback),
    ]);
    server.addService(service, Object.fromEntries(handlers) as grpc.UntypedServiceImplementation);
  }
  const credentials = options.credentials ?? grpc.ServerCredentials.createInsecure();
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${String(options.port ?? 0)}`, credentials, (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  const stop = (): void => {
    server.forceShutdown();
  };
  after(stop);
  return { address: `127.0.0.1:${String(port)}`, received, stop };
}

/** A connected client that is closed after the tests. */
export async function open(addresses: string | string[], options?: v1.ClientOptions): Promise<v1.Client> {
  const client = await v1.connect(addresses, options);
  after(() => {
    client.close();
  });
  return client;
}

/** A port that nobody listens on. */
export async function freePort(): Promise<number> {
  const { createServer } = await import("node:net");
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address ? address.port : 0;
}

/** A google.rpc.Status with an ErrorInfo and, where there are violations, a BadRequest. */
export function statusDetails(
  reason: string,
  metadata: Record<string, string> = {},
  violations: [string, string][] = [],
  domain = "firstlight",
): Buffer {
  const info = message([1, reason], [2, domain], ...Object.entries(metadata).map((entry) => [3, pair(entry)] as Field));
  const details: Field[] = [[3, message([1, "type.googleapis.com/google.rpc.ErrorInfo"], [2, info])]];
  if (violations.length > 0) {
    const bad = message(...violations.map((violation) => [1, pair(violation)] as Field));
    details.push([3, message([1, "type.googleapis.com/google.rpc.BadRequest"], [2, bad])]);
  }
  const writer = new BinaryWriter().uint32(8).int32(3);
  return Buffer.concat([writer.finish(), message([2, "text"], ...details)]);
}

type Field = [number, string | Uint8Array];

function pair([first, second]: [string, string]): Uint8Array {
  return message([1, first], [2, second]);
}

function message(...fields: Field[]): Uint8Array {
  const writer = new BinaryWriter();
  for (const [number, value] of fields)
    writer.tag(number, WireType.LengthDelimited).bytes(typeof value === "string" ? Buffer.from(value) : value);
  return writer.finish();
}
