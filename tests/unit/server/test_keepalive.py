"""The server lets clients ping as often as ours do, and each of these says how often in a language of its own."""

import re
from pathlib import Path

import pytest

from firstlight.server import endpoint
from firstlight.settings import ServeSettings

ROOT = Path(__file__).parents[3]
PING_MS = 30_000
JAVA = "clients/java/src/main/java/dev/firstlight/client/ClientOptions.java"
WRITTEN = {
    "engine/firstlight/client/channel.py": (r'"grpc\.keepalive_time_ms", ([\d_]+)\)', 1),
    "clients/go/client.go": (r"keepalive\.ClientParameters\{Time: (\d+) \* time\.Second", 1000),
    "clients/typescript/src/channel.ts": (r'"grpc\.keepalive_time_ms": ([\d_]+),', 1),
    JAVA: (r"\.keepAliveTime\((\d+), TimeUnit\.SECONDS\)", 1000),
    "clients/rust/src/client.rs": (r"\.http2_keep_alive_interval\(Duration::from_secs\((\d+)\)\)", 1000),
}


@pytest.mark.parametrize("path", WRITTEN)
def test_every_client_pings_at_the_same_pace(path: str) -> None:
    pattern, unit_ms = WRITTEN[path]
    (found,) = re.findall(pattern, (ROOT / path).read_text("utf-8"))
    assert int(found.replace("_", "")) * unit_ms == PING_MS


def test_the_server_puts_up_with_it() -> None:
    options = dict(endpoint._options(ServeSettings()))
    assert 0 < options["grpc.http2.min_recv_ping_interval_without_data_ms"] <= PING_MS / 2
    assert options["grpc.keepalive_permit_without_calls"] == 1
