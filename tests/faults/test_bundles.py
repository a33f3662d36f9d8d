"""Bundles change while callers call; bad ones are refused and named, and the old one goes on."""

import json
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import onnx
import pytest

from firstlight.bundle.verifying import describe_files, sha256
from firstlight.client import Client
from firstlight.errors import CorruptBundleError
from firstlight.plugins import load_plugins
from firstlight.settings import Settings
from firstlight.store import BundleRecord, Store, open_store
from firstlight.testing.running import CATALOG
from firstlight.training import TrainOptions, train

SWAPS = 100
WINDOW_S = 0.25
"""After a swap: other workers have loaded the bundle then, or answer from the one they kept."""


@dataclass(frozen=True)
class Shop:
    """A trained home, its store, and the bundle that answers."""

    settings: Settings
    store: Store
    active: BundleRecord

    def register(self, bundle_id: str) -> Path:
        """A copy of the active bundle under another id; its folder."""
        path = shutil.copytree(self.settings.bundles / self.active.path, self.settings.bundles / CATALOG / bundle_id)
        rewrite(path, lambda body: body.update(bundle_id=bundle_id))
        place = str(path.relative_to(self.settings.bundles))
        self.store.register_bundle(
            replace(self.active, bundle_id=bundle_id, path=place, created_at=datetime.now(UTC), gate={})
        )
        return path


@pytest.fixture
def shop(home: Path) -> Shop:
    settings = Settings.load(home)
    store = open_store(settings)
    yield Shop(settings, store, store.active_bundle(CATALOG))
    store.close()


def rewrite(path: Path, change: Callable[[dict], object]) -> None:
    """Change the manifest and seal it again, as somebody who means harm would."""
    body = json.loads((path / "manifest.json").read_text("utf-8"))
    change(body)
    (path / "manifest.json").write_text(json.dumps(body), "utf-8")
    (path / "manifest.sha256").write_text(sha256(path / "manifest.json") + "\n")


def hash_again(path: Path) -> None:
    """Let the manifest promise what the files hold now."""
    found = {name: {"bytes": file.bytes, "sha256": file.sha256} for name, file in describe_files(path).items()}
    rewrite(path, lambda body: body.update(files={name: found[name] for name in body["files"]}))


WEIGHTS = "items/content.npy"
GRAPH = "components/student/encoder.onnx"


def truncate(path: Path) -> None:
    (path / WEIGHTS).write_bytes((path / WEIGHTS).read_bytes()[:-8])


def flip(path: Path) -> None:
    data = bytearray((path / GRAPH).read_bytes())
    data[len(data) // 2] ^= 1
    (path / GRAPH).write_bytes(data)


def hash_wrongly(path: Path) -> None:
    rewrite(path, lambda body: body["files"][GRAPH].update(sha256="0" * 64))


def sign_otherwise(path: Path, *, side: str) -> None:
    graph = onnx.load(path / GRAPH)
    value = getattr(graph.graph, side)[0]
    old, value.name = value.name, f"other_{value.name}"
    for node in graph.graph.node:
        names = node.input if side == "input" else node.output
        names[:] = [value.name if name == old else name for name in names]
    onnx.save(graph, path / GRAPH)
    hash_again(path)


def lose_a_weight(path: Path) -> None:
    file = next(f for f in sorted((path / "components/student").glob("*.npy")) if np.load(f).dtype.kind == "f")
    weights = np.load(file)
    weights.flat[weights.size // 2] = np.nan
    np.save(file, weights)
    hash_again(path)


def turn_round(path: Path) -> None:
    file = path / "components/popularity/items.npy"
    np.save(file, np.ascontiguousarray(np.load(file)[::-1]))
    hash_again(path)


def escape(path: Path) -> None:
    shutil.copy(path / GRAPH, path.parent / "stolen")
    rewrite(path, lambda body: body["files"].update({"../stolen": body["files"][GRAPH]}))


BAD = {
    "truncated": (truncate, r"items/content\.npy has \d+ bytes, not \d+"),
    "flipped": (flip, r"encoder\.onnx has changed since it was written"),
    "wrongly-hashed": (hash_wrongly, r"encoder\.onnx has changed since it was written"),
    "other-input": (lambda path: sign_otherwise(path, side="input"), "component student fails to generate"),
    "other-output": (lambda path: sign_otherwise(path, side="output"), "component student fails to generate"),
    "nan-weight": (lose_a_weight, r"components/student/.*\.npy holds a number that is not finite"),
    "other-weights": (turn_round, "answers its golden queries otherwise than when it was written"),
    "escaping": (escape, r"\.\./stolen lies outside the bundle"),
}


def test_bad_bundles_are_refused_by_name(
    serve: Callable[..., object], call: Callable[..., object], home: Path, shop: Shop
) -> None:
    for name, (damage, _) in BAD.items():
        damage(shop.register(name))
    good = shop.active.bundle_id
    with serve(home, "--port", "0", "--workers", "2") as server, call(server.address) as history:
        with Client.connect(server.address, timeout_s=60) as client:  # each is checked in a process of its own
            for name, (_, why) in BAD.items():
                with pytest.raises(CorruptBundleError, match=why) as caught:
                    client.activate_bundle(name)
                assert caught.value.reason == "BUNDLE_CORRUPT"
                assert caught.value.code == "DATA_LOSS"
            assert client.get_bundle().bundle_id == good
        with serve(home, "--port", "0") as other, Client.connect(other.address) as client:
            assert client.recommend(limit=5).bundle_id == good
    assert history.failures() == []
    assert history.bundles() == {good}


def test_a_bad_bundle_that_was_activated_all_the_same_answers_nowhere(
    serve: Callable[..., object], call: Callable[..., object], home: Path, shop: Shop
) -> None:
    for name, (damage, _) in BAD.items():
        damage(shop.register(name))
    good = shop.active.bundle_id
    with serve(home, "--port", "0", "--workers", "2") as server, call(server.address) as history:
        for name, (_, why) in BAD.items():
            shop.store.activate_bundle(CATALOG, name)
            refused = rf"bundle {name} is refused, {good} goes on answering: .*{why}"
            history.until(lambda refused=refused: len(server.logged(refused)) == 2)
            shop.store.activate_bundle(CATALOG, good)
    assert history.failures() == []
    assert history.bundles() == {good}


def test_a_server_whose_active_bundle_is_damaged_answers_from_the_one_before(
    serve: Callable[..., object], shop: Shop
) -> None:
    for name in ("flipped", "other-weights", "escaping"):
        damage, why = BAD[name]
        damage(shop.register(name))
        shop.store.activate_bundle(CATALOG, name)
        with serve(shop.settings.home, "--port", "0", "--workers", "2") as server:
            with Client.connect(server.address) as client:
                assert client.recommend(limit=5).bundle_id == shop.active.bundle_id
            assert len(server.logged(rf"bundle {name} is refused: .*{why}")) == 2
            assert len(server.logged(rf"bundle {shop.active.bundle_id} answers in the place of {name}")) == 2
        shop.store.rollback_bundle(CATALOG)


def test_a_hundred_swaps(serve: Callable[..., object], call: Callable[..., object], home: Path, shop: Shop) -> None:
    first = shop.active.bundle_id
    plugins = load_plugins(shop.settings.plugin_rules)
    train(shop.store, shop.settings, plugins, CATALOG, TrainOptions(seed=8, device="cpu", force=True))
    second = shop.store.active_bundle(CATALOG).bundle_id
    shop.store.rollback_bundle(CATALOG)
    with serve(home, "--port", "0", "--workers", "2") as server, Client.connect(server.address) as client:
        alone = {first: lists_of(client, first), second: lists_of(client, second)}
        assert alone[first] != alone[second]
        client.activate_bundle(first, force=True)
        time.sleep(1)
        with call(server.address) as history:
            time.sleep(5)
            swapped: list[float] = []
            for swap in range(SWAPS):
                swapped.append(time.monotonic())
                if swap % 2:
                    assert client.roll_back_bundle().bundle.bundle_id == first
                else:
                    client.activate_bundle(second, force=True)
                time.sleep(WINDOW_S)
    assert history.failures() == []
    assert history.bundles() == {first, second}
    for one in history.calls:
        assert list(one.items) == alone[one.bundle_id][one.user_id]
    changes = sum(a.bundle_id != b.bundle_id for a, b in zip(history.calls, history.calls[1:], strict=False))
    assert changes >= SWAPS
    steady = [one.took_s for one in history.calls if one.began_s < swapped[0]]
    moving = [one.took_s for one in history.since(swapped[0]).calls]
    p99 = [1000 * float(np.quantile(taken, 0.99)) for taken in (steady, moving)]
    print(f"p99 steady {p99[0]:.1f} ms ({len(steady)} calls), swapping {p99[1]:.1f} ms ({len(moving)} calls)")


def lists_of(client: Client, bundle_id: str) -> dict[str, list[str]]:
    """What each caller gets from this bundle alone."""
    token = client.activate_bundle(bundle_id, force=True).write_token
    found = {}
    for number in range(6):
        answer = client.recommend(f"user-{number}", limit=5, min_write_token=token)
        assert answer.bundle_id == bundle_id
        found[f"user-{number}"] = [item.item_id for item in answer.items]
    return found
