"""How a channel is opened: targets, retries, keepalive, message sizes."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from importlib.resources import files

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
RETRY_BUFFER_BYTES = 16 * 1024 * 1024


def channel_target(addresses: Sequence[str]) -> str:
    """A gRPC target for one ``host:port``, or for several that answer in turn.

    Raises:
        ValueError: no address, or one of several without a port.
    """
    if not addresses:
        raise ValueError("no address to connect to")
    if len(addresses) == 1:
        return addresses[0]
    return "ipv4:" + ",".join(_resolve(address) for address in addresses)


def _resolve(address: str) -> str:
    host, _, port = address.rpartition(":")
    found = socket.getaddrinfo(host, int(port), socket.AF_INET, socket.SOCK_STREAM)[0]
    return f"{found[4][0]}:{port}"


def channel_options(*, wait_for_ready: bool) -> list[tuple[str, str | int]]:
    """Channel options. Retries are those of ``service_config.json``, which other clients can share."""
    config = json.loads(files("firstlight.client").joinpath("service_config.json").read_text("utf-8"))
    for method in config["methodConfig"]:
        method["waitForReady"] = wait_for_ready
    return [
        ("grpc.service_config", json.dumps(config)),
        ("grpc.enable_retries", 1),
        ("grpc.per_rpc_retry_buffer_size", RETRY_BUFFER_BYTES),
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
    ]
