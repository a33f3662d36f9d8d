"""A bundle whose bytes are as its manifest says, and which cannot answer."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from firstlight.bundle import GOLDEN, Golden, verify_bundle
from firstlight.bundle.verifying import describe_files, sha256
from firstlight.domain import Dataset, Item, Queries
from firstlight.errors import CorruptBundleError
from firstlight.features import FeatureEncoders
from firstlight.pipeline import Engine, Model
from firstlight.pipeline.golden import AskGolden
from firstlight.pipeline.rehearsing import ask_golden, rehearse
from firstlight.plugins import Plugins


@pytest.fixture
def path(tmp_path: Path, write: Callable[..., Path]) -> Path:
    return write(tmp_path)


def reseal(path: Path) -> None:
    body = json.loads((path / "manifest.json").read_text("utf-8"))
    found = describe_files(path)
    body["files"] = {name: {"bytes": found[name].bytes, "sha256": found[name].sha256} for name in body["files"]}
    (path / "manifest.json").write_text(json.dumps(body), "utf-8")
    (path / "manifest.sha256").write_text(sha256(path / "manifest.json") + "\n")
    verify_bundle(path)


def weights(path: Path, component: str) -> list[Path]:
    files = sorted((path / "components" / component).glob("*.npy"))
    return [file for file in files if np.load(file).dtype == np.float32 and np.load(file).size]


def test_a_good_bundle_passes(path: Path, plugins: Plugins) -> None:
    rehearse(Engine.open(path, plugins), path, plugins)


@pytest.mark.parametrize("component", ["popularity", "neighbours"])
def test_one_weight_that_is_no_number_is_found_wherever_it_is(path: Path, plugins: Plugins, component: str) -> None:
    files = weights(path, component)
    assert files
    for file in files:
        good = np.load(file)
        for at in {0, good.size // 2, good.size - 1}:
            bad = good.copy()
            bad.flat[at] = np.nan
            np.save(file, bad)
            reseal(path)
            with pytest.raises(CorruptBundleError, match="holds a number that is not finite") as caught:
                rehearse(Engine.open(path, plugins), path, plugins)
            assert caught.value.metadata == {"bundle_id": "b1", "file": f"components/{component}/{file.name}"}
        np.save(file, good)


def test_what_is_not_trusted_is_left_to_calls_with_a_deadline(path: Path, plugins: Plugins) -> None:
    engine = Engine.open(path, plugins)
    calls = []

    def fail(*arguments: object) -> None:
        calls.append(arguments)
        raise RuntimeError

    engine.model.components["neighbours"].score = fail
    engine.isolation.health("neighbours").trusted = False
    rehearse(engine, path, plugins)
    assert not calls
    engine.isolation.health("neighbours").trusted = True
    with pytest.raises(CorruptBundleError, match="neighbours fails to score: RuntimeError"):
        rehearse(engine, path, plugins)


# ---------------------------------------------------------------- golden queries


@pytest.fixture
def golden_path(
    tmp_path: Path,
    write: Callable[..., Path],
    dataset: Dataset,
    fitted: tuple[Model, FeatureEncoders],
    plugins: Plugins,
) -> Path:
    _, encoders = fitted
    users = Queries(encoders.profiles(dataset.user_attributes), dataset.histories, dataset.user_attributes)
    return write(tmp_path, golden=AskGolden(users, encoders, plugins))


def change(path: Path, **changed: object) -> None:
    """Change the manifest and seal it again."""
    body = json.loads((path / "manifest.json").read_text("utf-8"))
    (path / "manifest.json").write_text(json.dumps(body | changed), "utf-8")
    (path / "manifest.sha256").write_text(sha256(path / "manifest.json") + "\n")


def test_golden_queries_are_users_of_every_kind_without_names_and_times(
    golden_path: Path, dataset: Dataset, fitted: tuple[Model, FeatureEncoders]
) -> None:
    assert GOLDEN in verify_bundle(golden_path).files
    golden = Golden.read(golden_path, items=len(dataset.item_ids), columns=len(fitted[1].profile_fields))
    assert {len(query.items) for query in golden.queries} == {0, 1, 3, 10}
    assert {bool(query.profile) for query in golden.queries} == {True, False}
    assert any(not query.profile and not query.items for query in golden.queries)
    assert all(len(query.answers["full"].items) == 10 for query in golden.queries)
    text = (golden_path / GOLDEN).read_text()
    assert not [user_id for user_id in dataset.user_ids if user_id in text]
    assert str(dataset.histories.times.max()) not in text


def test_what_answers_as_it_did_passes_whatever_is_live(golden_path: Path, plugins: Plugins) -> None:
    engine = Engine.open(golden_path, plugins)
    rehearse(engine, golden_path, plugins)
    engine.add_items([Item("fresh", {"shelf": "games"})])
    rehearse(Engine.open(golden_path, plugins), golden_path, plugins)


def scale(path: Path) -> None:
    file = path / "components/popularity/items.npy"
    np.save(file, np.load(file) * np.float32(1.5))


def turn(path: Path) -> None:
    file = path / "components/popularity/items.npy"
    np.save(file, np.ascontiguousarray(np.load(file)[::-1]))


@pytest.mark.parametrize("alter", [scale, turn])
def test_altered_weights_are_found_though_every_hash_is_right(
    golden_path: Path, plugins: Plugins, alter: Callable[[Path], None]
) -> None:
    alter(golden_path)
    reseal(golden_path)
    engine = Engine.open(golden_path, plugins)
    with pytest.raises(CorruptBundleError, match="b1 answers its golden queries otherwise than when it was") as caught:
        rehearse(engine, golden_path, plugins)
    assert caught.value.metadata == {"bundle_id": "b1", "route": "full"}
    assert caught.value.reason == "BUNDLE_CORRUPT"


def test_another_version_may_answer_otherwise(golden_path: Path, plugins: Plugins) -> None:
    scale(golden_path)
    reseal(golden_path)
    change(golden_path, firstlight="0.0.1")
    assert ask_golden(Engine.open(golden_path, plugins), golden_path, plugins)


def test_what_is_left_out_may_make_another_answer(golden_path: Path, plugins: Plugins) -> None:
    scale(golden_path)
    reseal(golden_path)
    engine = Engine.open(golden_path, plugins)
    engine.isolation.health("neighbours").trusted = False
    assert ask_golden(engine, golden_path, plugins)


def test_a_bundle_without_golden_queries_has_none_to_ask(path: Path, plugins: Plugins) -> None:
    assert not ask_golden(Engine.open(path, plugins), path, plugins)
