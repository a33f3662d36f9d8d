import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import pytest

from firstlight.client.channel import Connection, channel_options, channel_target, connection

PROTOS = Path(__file__).parents[3] / "protos"


def connect(*addresses: str, **given: object) -> Connection:
    options = {"wait_for_ready": True, "tls": False, "ca_file": None, "credentials": None, "bearer_token": ""}
    return connection(addresses, **{**options, **given})


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


def test_the_service_config_is_the_one_that_all_clients_share() -> None:
    ours = (files("firstlight.client") / "service_config.json").read_bytes()
    assert ours == (PROTOS / "service_config.json").read_bytes()
    config = json.loads(ours)
    assert config["retryThrottling"] == {"maxTokens": 100, "tokenRatio": 0.1}
    assert config["healthCheckConfig"] == {"serviceName": ""}


@pytest.mark.parametrize("address", ["127.0.0.1:1", "127.9.9.9:1", "[::1]:1", "localhost:1"])
def test_a_bearer_token_may_stay_on_this_machine_in_clear(address: str) -> None:
    assert connect(address, bearer_token="secret").metadata == (("authorization", "Bearer secret"),)


@pytest.mark.parametrize("address", ["10.0.0.1:1", "example.org:1", "localhost.example.org:1", "[2001:db8::1]:1"])
def test_a_bearer_token_leaves_this_machine_over_tls_alone(address: str) -> None:
    with pytest.raises(ValueError, match="over TLS alone"):
        connect("127.0.0.1:1", address, bearer_token="secret")
    assert connect(address, bearer_token="secret", tls=True).metadata
    assert connect(address).metadata == ()


def test_tls(tmp_path: Path) -> None:
    assert connect("localhost:1").credentials is None
    assert connect("localhost:1", tls=True).credentials is not None
    (tmp_path / "ca.pem").write_text("some certificate")
    assert connect("localhost:1", ca_file=tmp_path / "ca.pem").credentials is not None
    with pytest.raises(FileNotFoundError):
        connect("localhost:1", ca_file=tmp_path / "absent.pem")


def test_several_servers_have_one_name_for_tls() -> None:
    options = dict(connect("localhost:1", "127.0.0.1:2", tls=True).options)
    assert options["grpc.default_authority"] == "localhost:1"
    assert "grpc.default_authority" not in dict(connect("localhost:1").options)


def test_the_client_imports_three_packages_and_no_more() -> None:
    script = """
import sys
from importlib.resources import files
from pathlib import Path

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
