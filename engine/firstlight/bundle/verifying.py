"""Whether a bundle's bytes are those its manifest promises."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from firstlight.bundle.manifest import MANIFEST, SEAL, FileInfo, Manifest
from firstlight.errors import CorruptBundleError


def verify_bundle(path: Path) -> Manifest:
    """Read every file of the bundle at ``path``; its manifest.

    Raises:
        CorruptBundleError: a file is missing, extra, of another length or content, or no plain file inside the bundle;
            the message and ``metadata["file"]`` name it.
    """
    _check_seal(path)
    manifest = Manifest.read(path)
    present = set(file_names(path)) - {MANIFEST, SEAL}
    for name in sorted(present ^ set(manifest.files)):
        raise _corrupt(path, name, "is not in the manifest" if name in present else "is missing")
    for name, wanted in manifest.files.items():
        size = (path / name).stat().st_size
        if size != wanted.bytes:
            raise _corrupt(path, name, f"has {size} bytes, not {wanted.bytes}")
        if sha256(path / name) != wanted.sha256:
            raise _corrupt(path, name, "has changed since it was written (SHA-256 differs)")
    return manifest


def describe_files(path: Path) -> dict[str, FileInfo]:
    """Length and SHA-256 of every file under ``path``, by name, sorted."""
    return {name: FileInfo((path / name).stat().st_size, sha256(path / name)) for name in sorted(file_names(path))}


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _check_seal(path: Path) -> None:
    try:
        seal = (path / SEAL).read_text(encoding="ascii")
        digest = sha256(path / MANIFEST)
    except (OSError, ValueError) as error:
        missing = SEAL if (path / MANIFEST).is_file() else MANIFEST
        raise _corrupt(path, missing, "is missing or cannot be read") from error
    if seal != digest + "\n":
        raise _corrupt(path, MANIFEST, f"does not match {SEAL}")


def file_names(path: Path) -> Iterator[str]:
    """Names of all files under ``path``, with ``/``; links and special files are refused."""
    for folder, directories, files in os.walk(path):
        for name in (*directories, *files):
            entry = Path(folder, name)
            relative = entry.relative_to(path).as_posix()
            if entry.is_symlink() or not (entry.is_file() or entry.is_dir()):
                raise _corrupt(path, relative, "is not a plain file")
            if name in files:
                yield relative


def _corrupt(path: Path, name: str, problem: str) -> CorruptBundleError:
    return CorruptBundleError(f"bundle {path.name}: {name} {problem}", metadata={"bundle_id": path.name, "file": name})
