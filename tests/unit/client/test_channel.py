import json
import subprocess
import sys

import pytest

from firstlight.client.channel import channel_options, channel_target


def test_targets() -> None:
    assert channel_target(["host:7070"]) == "host:7070"
    assert channel_target(["127.0.0.1:1", "127.0.0.1:2"]) == "ipv4:127.0.0.1:1,127.0.0.1:2"
    with pytest.raises(ValueError, match="no address"):
        channel_target([])


def test_retries_and_what_is_not_repeated() -> None:
    config = json.loads(dict(channel_options(wait_for_ready=False))["grpc.service_config"])
    everything, once = config["methodConfig"]
    assert everything["retryPolicy"]["maxAttempts"] == 5
    assert everything["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE", "CANCELLED", "RESOURCE_EXHAUSTED"]
    assert not everything["waitForReady"]
    assert {name["method"] for name in once["name"]} == {"RollbackBundle", "CreateTrainingJob", "WatchTrainingJob"}
    assert "retryPolicy" not in once


def test_the_client_imports_three_packages_and_no_more() -> None:
    script = """
import sys

class OnlyThree:
    allowed = {"grpc", "google", "firstlight", "typing_extensions"} | sys.stdlib_module_names

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] not in self.allowed and "cython" not in name:
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, OnlyThree())
import firstlight
from firstlight import AsyncClient, Client
with Client.connect("127.0.0.1:1", wait_for_ready=False) as client:
    try:
        client.recommend(profile={"age": 25})
    except firstlight.UnavailableError:
        print(*sorted(name for name in sys.modules if name.startswith("firstlight.") and name.count(".") == 1))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ["firstlight.client", "firstlight.errors", "firstlight.v1"]
