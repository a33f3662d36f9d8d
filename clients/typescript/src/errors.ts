// What a failed call throws.

import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { status, type ServiceError } from "@grpc/grpc-js";

/** One field that is not valid, such as `interactions[17].value`. */
export interface Violation {
  field: string;
  description: string;
}

/** A failed call. */
export class FirstlightError extends Error {
  constructor(
    message: string,
    /** The name of the status code, such as "INTERNAL". */
    readonly code: string,
    /** The name of a reason in `ErrorReason`; empty where the failure is not one of Firstlight's own. */
    readonly reason: string,
    /** What the server adds, such as the `request_id` that finds an INTERNAL error in its log. */
    readonly metadata: Record<string, string>,
    options?: ErrorOptions,
  ) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** A field is not valid: INVALID_ARGUMENT. */
export class InvalidInputError extends FirstlightError {
  /** The first violations. */
  violations: readonly Violation[] = [];
  /** How many violations there are. */
  get total(): number {
    return Number(this.metadata["violations"] ?? this.violations.length);
  }
}

/** There is no such catalogue, item, user, bundle or training job: NOT_FOUND. */
export class NotFoundError extends FirstlightError {}

/** The request id was used for another body: ALREADY_EXISTS. */
export class ConflictError extends FirstlightError {}

/** The state of the server or of the catalogue does not allow the call: FAILED_PRECONDITION. */
export class PreconditionError extends FirstlightError {}

/** A bundle is damaged: DATA_LOSS. */
export class CorruptBundleError extends FirstlightError {}

/** The server cannot be reached, or its database does not answer: UNAVAILABLE. */
export class UnavailableError extends FirstlightError {}

/** No answer in time: DEADLINE_EXCEEDED. */
export class DeadlineError extends FirstlightError {}

const CLASSES: Partial<Record<status, typeof FirstlightError>> = {
  [status.INVALID_ARGUMENT]: InvalidInputError,
  [status.NOT_FOUND]: NotFoundError,
  [status.ALREADY_EXISTS]: ConflictError,
  [status.FAILED_PRECONDITION]: PreconditionError,
  [status.DATA_LOSS]: CorruptBundleError,
  [status.UNAVAILABLE]: UnavailableError,
  [status.DEADLINE_EXCEEDED]: DeadlineError,
};

/** @internal The error that says what `failure` means; the signal's reason where that has cancelled the call. */
export function toError(failure: ServiceError, address: string, timeoutMs: number, signal?: AbortSignal): Error {
  if (signal?.aborted) return signal.reason as Error;
  const { reason, metadata, violations } = readDetails(failure.metadata.get("grpc-status-details-bin")[0]);
  let message = failure.details || status[failure.code];
  if (!reason && failure.code === status.DEADLINE_EXCEEDED)
    message = `no answer from ${address} within ${String(timeoutMs)} ms: is a server running there?`;
  if (!reason && failure.code === status.UNAVAILABLE) message = `cannot reach ${address}: ${message}`;
  const Class = CLASSES[failure.code] ?? FirstlightError;
  const error = new Class(message, status[failure.code], reason, metadata, { cause: failure });
  if (error instanceof InvalidInputError) error.violations = violations;
  return error;
}

/** Reads a google.rpc.Status: its ErrorInfo, where that is of our domain, and its BadRequest. */
function readDetails(trailer: string | Buffer | undefined) {
  const found = { reason: "", metadata: {} as Record<string, string>, violations: [] as Violation[] };
  for (const any of trailer instanceof Buffer ? fields(trailer, 3) : []) {
    const type = text(any, 1).split("/").at(-1);
    const [detail] = fields(any, 2);
    if (type === "google.rpc.BadRequest") {
      const violations = fields(detail, 1);
      found.violations = violations.map((each) => ({ field: text(each, 1), description: text(each, 2) }));
    } else if (type === "google.rpc.ErrorInfo" && text(detail, 2) === "firstlight") {
      found.reason = text(detail, 1);
      found.metadata = Object.fromEntries(fields(detail, 3).map((entry) => [text(entry, 1), text(entry, 2)]));
    }
  }
  return found;
}

const text = (message: Uint8Array | undefined, field: number) =>
  Buffer.from(fields(message, field)[0] ?? []).toString();

/** The strings or messages that are field `wanted` of a serialised message. */
function fields(message: Uint8Array | undefined, wanted: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  const reader = new BinaryReader(message ?? new Uint8Array());
  try {
    while (reader.pos < reader.len) {
      const [number, type] = reader.tag();
      if (number === wanted && type === WireType.LengthDelimited) found.push(reader.bytes());
      else reader.skip(type, number);
    }
  } catch {
    return []; // broken details must not hide the failure that they came with
  }
  return found;
}
