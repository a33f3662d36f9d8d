"""A bundle is verified once, and again when a file was touched."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from firstlight.bundle import is_checked, marking, verify_bundle, verify_once
from firstlight.errors import CorruptBundleError


@pytest.fixture
def path(write: Callable[..., Path]) -> Path:
    return write()


def test_what_was_verified_is_not_read_again(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not is_checked(path)
    read: list[Path] = []
    monkeypatch.setattr("firstlight.bundle.marks.verify_bundle", read.append)
    verify_once(path)
    verify_once(path)
    assert read == [path]
    assert is_checked(path)
    assert not is_checked(path, rehearsed=True)
    with marking(path, rehearsed=True):
        pass
    assert is_checked(path)
    assert is_checked(path, rehearsed=True)
    verify_bundle(path)  # the mark is no part of it


def same_length(path: Path) -> None:
    file = path / "items/content.npy"
    before = file.stat()
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def add(path: Path) -> None:
    (path / "items/extra").write_text("x")


def remove(path: Path) -> None:
    (path / "items/content.npy").unlink()


@pytest.mark.parametrize("touch", [same_length, add, remove])
def test_what_was_touched_is_verified_again(path: Path, touch: Callable[[Path], None]) -> None:
    verify_once(path)
    touch(path)
    assert not is_checked(path)
    with pytest.raises(CorruptBundleError):
        verify_once(path)


def test_a_copy_is_verified_for_itself(path: Path, tmp_path: Path) -> None:
    verify_once(path)
    other = shutil.copytree(path.parent, tmp_path / "other") / path.name
    assert (other.parent / f".{other.name}.checked").exists()
    assert not is_checked(other)
    verify_once(other)
    assert is_checked(other)


def test_what_fails_leaves_no_mark(path: Path) -> None:
    with pytest.raises(RuntimeError), marking(path, rehearsed=True):
        raise RuntimeError
    assert not is_checked(path)


def test_a_mark_that_cannot_be_read_is_none(path: Path) -> None:
    verify_once(path)
    (path.parent / f".{path.name}.checked").write_text("{")
    assert not is_checked(path)


def test_a_bundle_that_is_nowhere_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CorruptBundleError, match=r"manifest\.json is missing"):
        verify_once(tmp_path / "nowhere")
