// Plain values to the messages of the contract, and back.

import type { AttributeValue } from "./gen/firstlight/v1/attribute.js";
import type { Timestamp } from "./gen/google/protobuf/timestamp.js";

/** What an attribute can be: several strings are categories, several numbers an embedding. */
export type Plain = string | number | bigint | boolean | Date | readonly string[] | readonly number[];

/** Plain values as attributes, for `profile` of a query and `attributes` of an item or a user. */
export function attributes(values: Record<string, Plain | null | undefined>): Record<string, AttributeValue> {
  const given = Object.entries(values).filter((entry): entry is [string, Plain] => entry[1] != null);
  return Object.fromEntries(given.map(([name, value]) => [name, { value: pack(value) }]));
}

function pack(value: Plain): AttributeValue["value"] {
  if (typeof value === "string") return { $case: "stringValue", value };
  if (typeof value === "boolean") return { $case: "boolValue", value };
  if (typeof value === "bigint") return { $case: "int64Value", value };
  if (Number.isSafeInteger(value)) return { $case: "int64Value", value: BigInt(value as number) };
  if (typeof value === "number") return { $case: "doubleValue", value };
  if (value instanceof Date) return { $case: "timestampValue", value: timestamp(value) };
  if (typeof value[0] === "number") return { $case: "floatVectorValue", value: { values: value as number[] } };
  return { $case: "stringListValue", value: { values: value as string[] } };
}

/** Inverse of `attributes`; an int64 is a bigint. */
export function plain(attributes: Record<string, AttributeValue>): Record<string, Plain | undefined> {
  return Object.fromEntries(Object.entries(attributes).map(([name, { value }]) => [name, unpack(value?.value)]));
}

function unpack(value: NonNullable<AttributeValue["value"]>["value"] | undefined): Plain | undefined {
  if (typeof value !== "object") return value;
  return "seconds" in value ? date(value) : value.values;
}

/** A point in time as a message. */
export function timestamp(time: Date): Timestamp {
  const seconds = Math.floor(time.getTime() / 1000);
  return { seconds: BigInt(seconds), nanos: (time.getTime() - seconds * 1000) * 1_000_000 };
}

/** A message as a point in time; what is finer than a millisecond is cut. */
export function date(time: Timestamp): Date {
  return new Date(Number(time.seconds) * 1000 + Math.floor(time.nanos / 1_000_000));
}

/** The newest part of a history, oldest first, that fits into one query: 100,000 entries. */
export function newest<T>(history: readonly T[]): T[] {
  return history.slice(-100_000);
}
