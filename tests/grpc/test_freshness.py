"""What was written shows: at once where it was taken, soon elsewhere, after a crash, under another bundle."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import grpc
import psutil
import pytest

from firstlight.client import Client
from firstlight.errors import NotFoundError
from firstlight.v1.recommendation_pb2 import Scenario

pytestmark = pytest.mark.xdist_group("grpc")

SOON_S = 5.0
"""Far more than the poll interval of 50 ms: machines that run tests are busy."""


def within(seconds: float, condition: Callable[[], object]) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def shown(client: Client, user_id: str | None = None) -> set[str]:
    return {item.item_id for item in client.recommend(user_id, limit=1000).items}


def connections(server: object) -> dict[int, int]:
    return {w.pid: sum(c.status == psutil.CONN_ESTABLISHED for c in w.net_connections()) for w in server.workers()}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, make_home: Callable[..., object]) -> object:
    return make_home(tmp_path_factory.mktemp("fresh") / "home", "bundle-1", "bundle-2")


@pytest.fixture
def pair(home: object, serve_home: Callable[..., object]) -> Iterator[tuple[Client, Client]]:
    """Clients of two workers of one server."""
    with serve_home(home.home, workers=2) as server, ExitStack() as stack:
        found: dict[int, Client] = {}
        for _ in range(64):
            before = connections(server)
            # A subchannel pool of its own: otherwise all channels share one connection.
            channel = grpc.insecure_channel(server.address, [("grpc.use_local_subchannel_pool", 1)])
            client = stack.enter_context(Client(channel, address=server.address, timeout_s=20))
            client.recommend()
            (worker,) = (pid for pid, count in connections(server).items() if count > before[pid])
            found.setdefault(worker, client)
            if len(found) == 2:
                break
        one, other = found.values()
        yield one, other


def test_a_worker_knows_at_once_of_what_it_took_and_the_other_one_soon(pair: tuple[Client, Client]) -> None:
    one, other = pair
    for n in range(10):
        user, item = f"fresh-{n}", f"item-{n:02}"
        assert item in shown(one, user) & shown(other, user)
        one.write_interactions([{"user_id": user, "item_id": item, "value": 5.0}])
        answer = one.recommend(user, limit=1000)
        assert not [note for note in answer.degraded if "user" in note.detail]
        assert item not in {each.item_id for each in answer.items}
        within(SOON_S, lambda user=user, item=item: item not in shown(other, user))


def test_what_is_deleted_is_gone_from_both_workers(pair: tuple[Client, Client]) -> None:
    one, other = pair
    one.upsert_items({"passing": {"genres": "loud|new"}})
    one.write_interactions([{"user_id": "passing", "item_id": "item-03", "value": 5.0}])
    for client in pair:
        within(SOON_S, lambda client=client: "passing" in shown(client))
        within(SOON_S, lambda client=client: "item-03" not in shown(client, "passing"))
    other.delete_items(["passing", "item-05"])
    other.delete_users(["passing"])
    for client in pair:
        within(SOON_S, lambda client=client: not {"passing", "item-05"} & shown(client))
        within(SOON_S, lambda client=client: "item-03" in shown(client, "passing"))
        assert client.recommend("passing").scenario == Scenario.SCENARIO_NEW_USER
        with pytest.raises(NotFoundError):
            client.similar_items("passing")
        with pytest.raises(NotFoundError):
            client.get_user("passing")


def test_new_items_survive_the_next_bundle(pair: tuple[Client, Client]) -> None:
    one, other = pair
    one.upsert_items({"kept": {"genres": "loud|new"}})
    one.delete_items(["item-07"])
    for bundle_id in ("bundle-2", "bundle-1"):
        other.activate_bundle(bundle_id)
        for client in pair:
            within(SOON_S, lambda client=client, wanted=bundle_id: client.recommend().bundle_id == wanted)
            assert "kept" in shown(client)
            assert "item-07" not in shown(client)
    one.delete_items(["kept"])
    one.upsert_items({"item-07": {}})


def test_new_items_survive_the_death_of_the_server(home: object, serve_home: Callable[..., object]) -> None:
    with serve_home(home.home, workers=2) as server, Client.connect(server.address, timeout_s=20) as client:
        client.upsert_items({f"survivor-{n}": {"genres": "loud|new"} for n in range(3)})
        client.write_interactions([{"user_id": "survivor", "item_id": "item-04", "value": 5.0}])
        workers = server.workers()
        server.process.kill()
        for worker in workers:
            os.kill(worker.pid, signal.SIGKILL)
        server.process.wait(10)
    with serve_home(home.home) as again, Client.connect(again.address, timeout_s=20) as client:
        client.recommend()  # loads the bundle
        assert {f"survivor-{n}" for n in range(3)} <= shown(client)
        within(SOON_S, lambda: "item-04" not in shown(client, "survivor"))
