// What a client can be told.

export interface ClientOptions {
  /** The catalogue of every request that names none; by default the server's "default". */
  catalogId?: string;
  /** For one call with its retries, 10 seconds by default. A stream has no deadline. */
  timeoutMs?: number;
  /** Whether a call waits for an unreachable server until its deadline (the default), or fails at once. */
  waitForReady?: boolean;
  /** TLS with the system's certificate authorities (`true`), or with those in a PEM file. */
  tls?: boolean | { caFile: string };
  /** Sent with each call; needs TLS, except to a server on this machine. */
  bearerToken?: string;
}
