"""How a channel is opened: targets, retries, keepalive, message sizes, TLS and the bearer token."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import grpc

MAX_MESSAGE_BYTES = 64 * 1024 * 1024
RETRY_BUFFER_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Connection:
    """What a channel is opened with, and what every call sends along. ``credentials``: None without TLS."""

    target: str
    options: list[tuple[str, str | int]]
    credentials: grpc.ChannelCredentials | None
    metadata: tuple[tuple[str, str], ...]

    def open(self, library: Any, *, check_health: bool = True) -> Any:
        """A channel of ``grpc`` or ``grpc.aio``. ``check_health``: leave out servers that report NOT_SERVING."""
        options = [*self.options, ("grpc.inhibit_health_checking", int(not check_health))]
        if self.credentials is None:
            return library.insecure_channel(self.target, options)
        return library.secure_channel(self.target, self.credentials, options)


def connection(
    addresses: Sequence[str],
    *,
    wait_for_ready: bool,
    tls: bool,
    ca_file: str | Path | None,
    credentials: grpc.ChannelCredentials | None,
    bearer_token: str,
) -> Connection:
    """The connection that a client's options describe.

    Raises:
        ValueError: no address; one of several without a port; or a bearer token that would leave this machine in clear.
    """
    if credentials is None and (tls or ca_file is not None):
        credentials = grpc.ssl_channel_credentials(None if ca_file is None else Path(ca_file).read_bytes())
    if bearer_token and credentials is None and not all(map(_is_loopback, addresses)):
        raise ValueError("a bearer token goes over TLS alone unless the server is on this machine: set tls or ca_file")
    options = channel_options(wait_for_ready=wait_for_ready)
    if len(addresses) > 1:  # the servers share one name: that in the first address, which TLS checks
        options.append(("grpc.default_authority", addresses[0]))
    metadata = (("authorization", f"Bearer {bearer_token}"),) if bearer_token else ()
    return Connection(channel_target(addresses), options, credentials, metadata)


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


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


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
