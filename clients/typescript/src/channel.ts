// How a channel is opened: target, credentials, retries, keep-alive, message sizes.

import { lookup } from "node:dns/promises";
import { readFileSync } from "node:fs";
import * as grpc from "@grpc/grpc-js";
import type { ClientOptions } from "./options.js";

const MIB = 1024 * 1024;
const HOST_PORT = /^\[?([^[\]]+?)\]?:(\d+)$/;
const LOOPBACK = /^(localhost|127(\.\d+){3}|\[::1\]):\d+$/;

/** The retries that all clients of Firstlight share. */
const SERVICE_CONFIG = readFileSync(new URL("../service_config.json", import.meta.url), "utf8");

/** A channel to one target, or to several `host:port` that answer in turn. */
export async function openChannel(addresses: readonly string[], options: ClientOptions): Promise<grpc.Client> {
  const { tls, bearerToken } = options;
  const [first] = addresses;
  if (first === undefined) throw new TypeError("no address to connect to");
  if (bearerToken !== undefined && !tls && !addresses.every((address) => LOOPBACK.test(address)))
    throw new TypeError("a bearer token is sent over TLS only: set the option tls");
  const several = addresses.length > 1;
  const ca = typeof tls === "object" ? readFileSync(tls.caFile) : null;
  const credentials = tls ? grpc.credentials.createSsl(ca) : grpc.credentials.createInsecure();
  const channel = new grpc.Client(several ? await listOf(addresses) : first, credentials, {
    "grpc.service_config": SERVICE_CONFIG,
    "grpc.service_config_disable_resolution": 1,
    "grpc.enable_retries": 1,
    "grpc.retry_buffer_size": 64 * MIB,
    "grpc.per_rpc_retry_buffer_size": 16 * MIB,
    "grpc.max_receive_message_length": 64 * MIB,
    "grpc.max_send_message_length": 64 * MIB,
    "grpc.keepalive_time_ms": 30_000,
    "grpc.keepalive_timeout_ms": 10_000,
    "grpc.keepalive_permit_without_calls": 1,
    // A list goes by the name of its first address, which each certificate must bear.
    ...(several && { "grpc.default_authority": first, "grpc.ssl_target_name_override": HOST_PORT.exec(first)?.[1] }),
  });
  readPushbackStrictly(channel);
  return channel;
}

/** A target that lists IPv4 addresses: grpc-js takes several only so. */
async function listOf(addresses: readonly string[]): Promise<string> {
  const found = addresses.map(async (address) => {
    const [, host, port] = HOST_PORT.exec(address) ?? [];
    if (host === undefined || port === undefined) throw new TypeError(`not a host:port: ${address}`);
    return `${(await lookup(host, 4)).address}:${port}`;
  });
  return `ipv4:${(await Promise.all(found)).join(",")}`;
}

/**
 * Lets a push-back that is no number mean "do not retry", as gRPC's proposal A6 says. grpc-js 1.14 retries at once then,
 * and also after a push-back that is too long for a timer. This reaches into its internals: a test watches over it.
 */
function readPushbackStrictly(client: grpc.Client): void {
  const channel = client.getChannel() as unknown as { internalChannel: { createRetryingCall: RetryingCalls } };
  const create = channel.internalChannel.createRetryingCall.bind(channel.internalChannel);
  channel.internalChannel.createRetryingCall = (...args) => Object.assign(create(...args), { getPushback });
}

type RetryingCalls = (...args: unknown[]) => { getPushback: typeof getPushback };

function getPushback(metadata: grpc.Metadata): number | null {
  const value = metadata.get("grpc-retry-pushback-ms")[0]?.toString();
  if (value === undefined) return null;
  return /^\d+$/.test(value) ? Math.min(Number(value), 2 ** 31 - 1) : -1;
}
