import time
from collections.abc import Iterator

import pytest

from firstlight.client import Client
from firstlight.errors import CorruptBundleError, NotFoundError, PreconditionError, Reason
from firstlight.settings import Settings
from firstlight.store import Store
from firstlight.v1.bundle_pb2 import Gate

pytestmark = pytest.mark.xdist_group("grpc")


@pytest.fixture(autouse=True)
def first_bundle_answers(client: Client) -> Iterator[None]:
    yield
    token = client.activate_bundle("bundle-1", force=True).write_token
    assert client.recommend(min_write_token=token).bundle_id == "bundle-1"


def answering(client: Client) -> str:
    return client.recommend(limit=1).bundle_id


def test_get_and_list(client: Client) -> None:
    active = client.get_bundle()
    assert (active.bundle_id, active.active, active.preset, active.metrics["ndcg"]) == ("bundle-1", True, "small", 0.5)
    assert not client.get_bundle("bundle-2").active
    listed = list(client.list_bundles(page_size=1))
    assert [bundle.bundle_id for bundle in listed][:2] == ["bundle-1", "bundle-2"]
    assert [bundle.active for bundle in listed][:2] == [True, False]
    with pytest.raises(NotFoundError, match="no bundle 'none'") as caught:
        client.get_bundle("none")
    assert caught.value.reason is Reason.BUNDLE_NOT_FOUND


def test_activate_and_roll_back(client: Client) -> None:
    written = client.activate_bundle("bundle-2")
    assert written.bundle.active
    assert client.recommend(min_write_token=written.write_token).bundle_id == "bundle-2"
    written = client.roll_back_bundle()
    assert written.bundle.bundle_id == "bundle-1"
    assert client.recommend(min_write_token=written.write_token).bundle_id == "bundle-1"
    with pytest.raises(PreconditionError) as caught:
        client.with_options(catalog_id="shelf").roll_back_bundle()
    assert caught.value.reason is Reason.NO_PREVIOUS_BUNDLE
    with pytest.raises(NotFoundError):
        client.activate_bundle("none")


def test_an_activation_by_another_process_is_followed(client: Client, store: Store) -> None:
    assert answering(client) == "bundle-1"
    store.activate_bundle("default", "bundle-2", reason="another process")
    deadline = time.monotonic() + 10
    while answering(client) != "bundle-2":
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_refused_bundle_needs_force(client: Client, settings: Settings, store: Store, make_bundle: object) -> None:
    make_bundle("bundle-refused", decision="refused", reason="worse for new users")
    with pytest.raises(PreconditionError, match="worse for new users") as caught:
        client.activate_bundle("bundle-refused")
    assert caught.value.reason is Reason.GATE_REFUSED
    assert client.get_bundle().bundle_id == "bundle-1"
    assert client.get_bundle("bundle-refused").gate.decision == Gate.DECISION_REFUSED
    token = client.activate_bundle("bundle-refused", force=True).write_token
    assert client.recommend(min_write_token=token).bundle_id == "bundle-refused"


def test_a_flipped_byte_is_found_and_the_old_bundle_goes_on(client: Client, store: Store, make_bundle: object) -> None:
    path = make_bundle("bundle-broken") / "items" / "counts.npy"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(CorruptBundleError, match=r"counts\.npy") as caught:
        client.activate_bundle("bundle-broken")
    assert caught.value.reason is Reason.BUNDLE_CORRUPT
    # Somebody activates it all the same, behind our back.
    token = store.activate_bundle("default", "bundle-broken")
    assert client.recommend(min_write_token=str(token)).bundle_id == "bundle-1"
