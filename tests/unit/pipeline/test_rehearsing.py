"""A bundle whose bytes are as its manifest says, and which cannot answer."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from firstlight.bundle import verify_bundle
from firstlight.bundle.verifying import describe_files, sha256
from firstlight.errors import CorruptBundleError
from firstlight.pipeline import Engine
from firstlight.pipeline.rehearsing import rehearse
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
    rehearse(Engine.open(path, plugins), path)


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
                rehearse(Engine.open(path, plugins), path)
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
    rehearse(engine, path)
    assert not calls
    engine.isolation.health("neighbours").trusted = True
    with pytest.raises(CorruptBundleError, match="neighbours fails to score: RuntimeError"):
        rehearse(engine, path)
