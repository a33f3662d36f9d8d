"""Whatever happens to a bundle's bytes is found and named."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from firstlight.bundle import FORMAT, Bundle, verify_bundle
from firstlight.bundle.verifying import sha256
from firstlight.errors import CorruptBundleError, Reason


@pytest.fixture
def path(write: Callable[..., Path]) -> Path:
    return write()


def seal(path: Path) -> None:
    (path / "manifest.sha256").write_text(sha256(path / "manifest.json") + "\n")


def rewrite(path: Path, change: Callable[[dict], None]) -> None:
    """Change the manifest and seal it again, as somebody who means harm would."""
    body = json.loads((path / "manifest.json").read_text(encoding="utf-8"))
    change(body)
    (path / "manifest.json").write_text(json.dumps(body), encoding="utf-8")
    seal(path)


def refused(path: Path) -> CorruptBundleError:
    with pytest.raises(CorruptBundleError) as caught:
        Bundle.open(path)
    assert caught.value.code == "DATA_LOSS"
    return caught.value


def test_one_flipped_byte_anywhere_is_found_and_named(path: Path):
    files = sorted(p for p in path.rglob("*") if p.is_file())
    assert len(files) > 8
    for file in files:
        original = file.read_bytes()
        for at in {0, len(original) // 2, len(original) - 1}:
            flipped = bytearray(original)
            flipped[at] ^= 1
            file.write_bytes(flipped)
            name = file.relative_to(path).as_posix()
            assert name.replace("sha256", "json") in str(refused(path)), (name, at)
        file.write_bytes(original)
    verify_bundle(path)


@pytest.mark.parametrize("name", ["items/content.npy", "components/popularity/prior.bin", "manifest.json"])
def test_a_missing_file_is_named(path: Path, name: str):
    (path / name).unlink()
    error = refused(path)
    assert f"{name} is missing" in str(error)
    assert error.metadata["file"] == name


def test_a_truncated_file_is_named_with_its_length(path: Path):
    file = path / "items/content.npy"
    file.write_bytes(file.read_bytes()[:-4])
    assert "items/content.npy has" in str(refused(path))


def test_an_extra_file_is_named(path: Path):
    (path / "components/popularity/evil.bin").write_bytes(b"x")
    assert "components/popularity/evil.bin is not in the manifest" in str(refused(path))


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/passwd", "items/../../outside", "a//b", "./a", "", "C:\\a", "a\\..\\b", "a\0"]
)
def test_a_path_that_leaves_the_bundle_is_refused(path: Path, name: str):
    (path.parent / "outside").write_bytes(b"x")
    rewrite(path, lambda body: body["files"].update({name: {"bytes": 1, "sha256": "0" * 64}}))
    assert "lies outside the bundle" in str(refused(path))


def test_a_component_name_that_leaves_the_bundle_is_refused(path: Path):
    rewrite(path, lambda body: body["components"].update({"../../x": {"plugin": "", "version": ""}}))
    assert "lies outside the bundle" in str(refused(path))


@pytest.mark.parametrize("target", ["/etc/passwd", "other.bin"])
def test_a_link_is_refused(path: Path, target: str):
    file = path / "components/popularity/prior.bin"
    (path.parent / "other.bin").write_bytes(file.read_bytes())
    file.unlink()
    file.symlink_to(target if target.startswith("/") else path.parent / target)
    assert "components/popularity/prior.bin is not a plain file" in str(refused(path))


def test_a_linked_folder_is_refused(path: Path):
    (path / "components").rename(path.parent / "elsewhere")
    (path / "components").symlink_to(path.parent / "elsewhere")
    assert "components is not a plain file" in str(refused(path))


def test_a_pipe_is_refused_without_reading_it(path: Path):
    os.mkfifo(path / "items/pipe")
    assert "items/pipe is not a plain file" in str(refused(path))


def test_a_newer_format_is_told_apart(path: Path):
    rewrite(path, lambda body: body.update(format=FORMAT + 1, something="new"))
    error = refused(path)
    assert error.reason is Reason.BUNDLE_FORMAT_UNSUPPORTED
    assert f"format {FORMAT + 1}" in str(error)


@pytest.mark.parametrize("version", [0, -1, "1", None, 1.5, [1]])
def test_a_format_that_never_was_is_refused(path: Path, version: object):
    rewrite(path, lambda body: body.update(format=version))
    assert refused(path).reason is Reason.BUNDLE_FORMAT_UNSUPPORTED


@pytest.mark.parametrize("text", ["", "[]", "{}", "null", '{"format": 1}', "{", "\xff"])
def test_a_manifest_that_cannot_be_read_is_named(path: Path, text: str):
    (path / "manifest.json").write_bytes(text.encode("latin-1"))
    seal(path)
    assert "manifest.json" in str(refused(path))


def test_no_bundle_at_all(tmp_path: Path):
    assert "manifest.json is missing" in str(refused(tmp_path / "nothing"))


def test_without_verification_shapes_are_still_checked(path: Path, write):
    rewrite(path, lambda body: body.update(items=99))
    with pytest.raises(CorruptBundleError, match="fit together"):
        Bundle.open(path, verify=False)
