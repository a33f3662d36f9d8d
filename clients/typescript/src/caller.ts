// The generated services as promises and async iterables, with what every call needs.

import { randomUUID } from "node:crypto";
import { Metadata, type Client as Channel, type ServiceError } from "@grpc/grpc-js";
import { toError } from "./errors.js";
import type { ClientOptions } from "./options.js";

export interface CallOptions {
  /** Instead of the client's. */
  timeoutMs?: number;
  /** Cancels the call, which then throws the signal's reason. */
  signal?: AbortSignal;
}

interface Method<Input = never, Response = unknown> {
  name: string;
  requestType: { fromPartial(input: Input): object; encode(message: never): { finish(): Uint8Array } };
  responseType: { decode: (bytes: Uint8Array) => Response };
  responseStream: boolean;
}

interface Service {
  fullName: string;
  methods: Record<string, Method>;
}

type Answer<Stream, Response> = Stream extends true ? AsyncGenerator<Response, void> : Promise<Response>;

/** A service's methods. A request is given in part: what is left out has its default. */
export type Stub<S extends Service> = {
  readonly [K in keyof S["methods"]]: S["methods"][K] extends Method<infer Input, infer Response>
    ? (request?: Input, options?: CallOptions) => Answer<S["methods"][K]["responseStream"], Response>
    : never;
};

/** Makes the calls on one channel. */
export class Caller {
  readonly #metadata: Metadata;

  constructor(
    protected readonly channel: Channel,
    private readonly address: string,
    private readonly options: ClientOptions,
  ) {
    this.#metadata = new Metadata({ waitForReady: options.waitForReady ?? true });
    if (options.bearerToken !== undefined) this.#metadata.set("authorization", `Bearer ${options.bearerToken}`);
  }

  protected stub<S extends Service>(service: S): Stub<S> {
    const methods = Object.entries(service.methods).map(([key, method]) => {
      const path = `/${service.fullName}/${method.name}`;
      return [key, method.responseStream ? this.#stream(path, method) : this.#unary(path, method)];
    });
    return Object.fromEntries(methods) as Stub<S>;
  }

  #unary(path: string, method: Method) {
    return (request = {}, { timeoutMs = this.options.timeoutMs ?? 10_000, signal }: CallOptions = {}) =>
      new Promise((resolve, reject) => {
        signal?.throwIfAborted();
        const settle = (failure: ServiceError | null, answer: unknown): void => {
          signal?.removeEventListener("abort", cancel);
          if (failure) reject(toError(failure, this.address, timeoutMs, signal));
          else resolve(answer);
        };
        const call = this.channel.makeUnaryRequest(...this.#start(path, method, request, timeoutMs), settle);
        const cancel = call.cancel.bind(call);
        signal?.addEventListener("abort", cancel);
      });
  }

  #stream(path: string, method: Method) {
    const run = async function* (this: Caller, request = {}, { timeoutMs = Infinity, signal }: CallOptions = {}) {
      signal?.throwIfAborted();
      const call = this.channel.makeServerStreamRequest(...this.#start(path, method, request, timeoutMs));
      const cancel = call.cancel.bind(call);
      call.on("error", () => undefined); // one that comes after the loop was left concerns nobody
      signal?.addEventListener("abort", cancel);
      try {
        yield* call;
      } catch (failure) {
        throw toError(failure as ServiceError, this.address, timeoutMs, signal);
      } finally {
        signal?.removeEventListener("abort", cancel);
        cancel(); // a loop that was left would keep the stream open
      }
    };
    return run.bind(this);
  }

  /** What grpc-js starts a call with. The request is encoded here, so that a value of a wrong type is thrown as it is. */
  #start(path: string, { requestType, responseType }: Method, input: object, timeoutMs: number) {
    const request: { catalogId?: string; requestId?: string } = requestType.fromPartial(input as never);
    if (request.catalogId === "") request.catalogId = this.options.catalogId ?? "";
    if (request.requestId === "") request.requestId = randomUUID(); // makes retries harmless
    const { buffer, byteOffset, byteLength } = requestType.encode(request as never).finish();
    const bytes = Buffer.from(buffer, byteOffset, byteLength);
    const options = { deadline: Date.now() + timeoutMs };
    return [path, (same: Buffer) => same, responseType.decode, bytes, this.#metadata, options] as const;
  }
}
