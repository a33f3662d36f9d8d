"""A bad plugin in a real server: every request is answered before its deadline, and says what was left out."""

import os
import socket
import time
import urllib.request
from pathlib import Path

import pytest

from firstlight.client import Client
from firstlight.v1.plugin_service_pb2 import ComponentState, PluginState
from firstlight.v1.recommendation_pb2 import Degradation

BAD = Path(__file__).parents[2] / "plugins/examples/bad"
PLUGIN, COMPONENT = "firstlight_bad", "bad-reranker"


@pytest.fixture(scope="module")
def home(make_home, tmp_path_factory):
    return make_home(tmp_path_factory.mktemp("isolation") / "home", "bundle-1").home


@pytest.fixture
def serve_bad(home, serve_home):
    def serve(fault, **environment):
        path = os.pathsep.join([str(BAD), os.environ.get("PYTHONPATH", "")])
        told = {"FIRSTLIGHT_BAD_ROLE": "reranker", "FIRSTLIGHT_BAD_FAULT": fault}
        return serve_home(home, PYTHONPATH=path, FIRSTLIGHT_LOAD_PLUGINS=PLUGIN, **told, **environment)

    return serve


def bad_plugin(client):
    return next(each for each in client.list_plugins() if each.name == PLUGIN)


def bad_component(client):
    plugin = bad_plugin(client)
    assert plugin.state == PluginState.PLUGIN_STATE_LOADED
    return next(each for each in plugin.components if each.name == COMPONENT)


def left_out(answer) -> dict[str, int]:
    return {each.component: each.reason for each in answer.degraded}


@pytest.mark.parametrize("fault", ["raise", "shape", "exit"])
def test_a_plugin_that_breaks_its_contract_is_named_counted_and_quarantined(serve_bad, fault):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with serve_bad(fault, FIRSTLIGHT_SERVE__METRICS_PORT=str(port)) as server, Client.connect(server.address) as client:
        answers = [client.recommend(limit=5) for _ in range(6)]
        assert all(len(answer.items) == 5 for answer in answers)
        assert [left_out(answer) for answer in answers] == [
            *[{COMPONENT: Degradation.REASON_COMPONENT_FAILED}] * 5,
            {COMPONENT: Degradation.REASON_COMPONENT_QUARANTINED},
        ]
        assert not any("secret" in each.detail for answer in answers for each in answer.degraded)
        component = bad_component(client)
        assert component.state == ComponentState.COMPONENT_STATE_QUARANTINED
        assert component.fault_count == 5
        assert component.error
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as page:
            text = page.read().decode()
        assert 'firstlight_component_faults_total{component="bad-reranker",kind="component_failed"} 5.0' in text


@pytest.mark.parametrize("fault", ["sleep", "loop"])
def test_a_plugin_that_stalls_does_not_hold_the_answer(serve_bad, fault):
    with serve_bad(fault) as server, Client.connect(server.address, timeout_s=10) as patient:
        client = patient.with_options(timeout_s=3)
        start = time.monotonic()
        answers = [client.recommend(limit=5) for _ in range(3)]
        assert time.monotonic() - start < 3
        assert all(len(answer.items) == 5 for answer in answers)
        assert all(left_out(answer) == {COMPONENT: Degradation.REASON_COMPONENT_TIMED_OUT} for answer in answers)
        component = bad_component(patient)
        assert component.fault_count == 1
        assert server.stop() == 0


def test_a_worker_whose_threads_hang_is_replaced(serve_bad):
    environment = {"FIRSTLIGHT_ISOLATION__STUCK_THREADS": "1"}
    with serve_bad("loop", **environment) as server, Client.connect(server.address, timeout_s=20) as client:
        before = {worker.pid for worker in server.workers()}
        assert client.recommend(limit=5).items
        end = time.monotonic() + 20
        while {worker.pid for worker in server.workers()} & before and time.monotonic() < end:
            time.sleep(0.1)
        assert not {worker.pid for worker in server.workers()} & before
        assert client.recommend(limit=5).items


def test_a_good_plugin_is_trusted_by_name_and_answers_without_a_hop(serve_bad):
    with serve_bad("", FIRSTLIGHT_TRUSTED_PLUGINS=PLUGIN) as server, Client.connect(server.address) as client:
        assert left_out(client.recommend(limit=5)) == {}
        assert bad_component(client).state == ComponentState.COMPONENT_STATE_INLINE


def test_a_blocked_plugin_is_listed_and_takes_no_part(serve_bad):
    environment = {"FIRSTLIGHT_DISABLE_PLUGINS": PLUGIN}
    with serve_bad("raise", **environment) as server, Client.connect(server.address) as client:
        assert left_out(client.recommend(limit=5)) == {}
        assert bad_plugin(client).state == PluginState.PLUGIN_STATE_BLOCKED


def test_a_faulty_plugin_is_fatal_where_settings_say_so(home, serving_start):
    process = serving_start(home, FIRSTLIGHT_LOAD_PLUGINS="no_such_module", FIRSTLIGHT_STRICT_PLUGINS="1")
    _, errors = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "no_such_module" in errors


def test_metrics_on_a_taken_port_are_an_error(home, serving_start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = serving_start(home, FIRSTLIGHT_SERVE__METRICS_PORT=str(taken.getsockname()[1]))
        _, errors = process.communicate(timeout=30)
    assert process.returncode != 0
    assert "PORT_IN_USE: cannot serve metrics" in errors
