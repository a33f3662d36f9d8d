// The public face of the package.

export { type Client, connect, type ListOptions, type WriteOptions, type Written } from "./client.js";
export type { CallOptions, Stub } from "./caller.js";
export * from "./errors.js";
export * from "./gen/index.firstlight.v1.js";
export type { ClientOptions } from "./options.js";
export { attributes, date, newest, type Plain, plain, timestamp } from "./values.js";
