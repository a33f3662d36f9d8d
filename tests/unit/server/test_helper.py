"""Bundles that are checked in another process."""

import shutil
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from firstlight.bundle import is_checked
from firstlight.bundle.manifest import MANIFEST, SEAL, Manifest
from firstlight.bundle.verifying import describe_files, sha256
from firstlight.errors import CorruptBundleError, FirstlightError
from firstlight.server.helper import BundleHelper
from firstlight.settings import init_home

GOLDEN = Path(__file__).parents[2] / "golden" / "format-3"
WEIGHTS = "components/neighbours/liked_values.npy"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return shutil.copytree(GOLDEN, tmp_path / "golden")


@pytest.fixture
def helper(tmp_path: Path) -> BundleHelper:
    return BundleHelper(init_home(tmp_path / "home"))


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands of processes that were started."""
    commands: list[list[str]] = []

    class Noted(subprocess.Popen):
        def __init__(self, command: list[str], **given: object) -> None:
            commands.append(command[1:])
            super().__init__(command, **given)

    monkeypatch.setattr(subprocess, "Popen", Noted)
    return commands


def test_it_verifies_and_rehearses_and_does_neither_again(
    helper: BundleHelper, path: Path, started: list[list[str]]
) -> None:
    helper(path, rehearsed=False)
    assert is_checked(path)
    assert not is_checked(path, rehearsed=True)
    helper(path, rehearsed=True)
    assert is_checked(path, rehearsed=True)
    assert started == [["-m", "firstlight.server.helper"]] * 2
    for rehearsed in (True, False):
        helper(path, rehearsed=rehearsed)
    assert len(started) == 2


def test_workers_that_want_the_same_wait_for_one_of_them(
    helper: BundleHelper, path: Path, started: list[list[str]]
) -> None:
    with ThreadPoolExecutor(3) as threads:
        for done in [threads.submit(helper, path, rehearsed=False) for _ in range(3)]:
            done.result()
    assert len(started) == 1


def flip(path: Path) -> None:
    data = bytearray((path / WEIGHTS).read_bytes())
    data[-1] ^= 1
    (path / WEIGHTS).write_bytes(data)


def lose_a_weight(path: Path) -> None:
    weights = np.load(path / WEIGHTS)
    weights.flat[0] = np.nan
    np.save(path / WEIGHTS, weights)
    text, old = (path / MANIFEST).read_text("utf-8"), Manifest.read(path).files[WEIGHTS].sha256
    (path / MANIFEST).write_text(text.replace(old, describe_files(path)[WEIGHTS].sha256), "utf-8")
    (path / SEAL).write_text(sha256(path / MANIFEST) + "\n")


@pytest.mark.parametrize(
    ("damage", "rehearsed", "why"),
    [(flip, False, "has changed since"), (flip, True, "has changed since"), (lose_a_weight, True, "not finite")],
)
def test_what_is_wrong_is_named_as_if_it_were_found_here(
    helper: BundleHelper, path: Path, damage: Callable[[Path], None], rehearsed: bool, why: str
) -> None:
    damage(path)
    with pytest.raises(CorruptBundleError, match=why) as caught:
        helper(path, rehearsed=rehearsed)
    assert caught.value.reason == "BUNDLE_CORRUPT"
    assert caught.value.metadata == {"bundle_id": "golden", "file": WEIGHTS}
    assert not is_checked(path, rehearsed=rehearsed)


def test_a_bundle_that_is_nowhere_is_named(helper: BundleHelper, tmp_path: Path) -> None:
    with pytest.raises(CorruptBundleError, match="bundle none: "):
        helper(tmp_path / "none", rehearsed=False)


def test_one_that_is_stopped_says_nothing_about_the_bundle(helper: BundleHelper, path: Path) -> None:
    helper.stop()
    with pytest.raises(FirstlightError, match="ended with code -9") as caught:
        helper(path, rehearsed=False)
    assert not isinstance(caught.value, CorruptBundleError)
    assert not is_checked(path)
