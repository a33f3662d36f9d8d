"""A bundle is checked once on a machine: a mark beside it tells other processes, while its files are as they were.

A file that another program rewrites, replaces or cuts has another length, time or inode, and is checked again. What a
failing disk does to one in silence only ``firstlight bundles verify`` finds.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from pydantic import BaseModel, ValidationError

from firstlight.bundle.verifying import file_names, verify_bundle

_State = Mapping[str, tuple[int, int, int, int]]
"""By name: length, nanoseconds of the last change of content and of anything, inode."""


class _Mark(BaseModel):
    rehearsed: bool
    files: _State


def is_checked(path: Path, *, rehearsed: bool = False) -> bool:
    """Whether the files of the bundle at ``path`` were verified as they are now, and it was ``rehearsed``."""
    try:
        mark = _Mark.model_validate_json(_place(path).read_bytes())
    except (OSError, ValidationError):
        return False
    return mark.files == _state(path) and (mark.rehearsed or not rehearsed)


@contextmanager
def marking(path: Path, *, rehearsed: bool) -> Iterator[None]:
    """Mark the bundle at ``path`` as checked, as it was before, where the block ends well."""
    state = _state(path)
    yield
    place = _place(path)
    building = place.with_name(f"{place.name}.{os.getpid()}")
    with suppress(OSError):  # where nothing may be written, every process checks for itself
        building.write_text(_Mark(rehearsed=rehearsed, files=state).model_dump_json(), encoding="utf-8")
        building.replace(place)


def verify_once(path: Path) -> None:
    """:func:`~firstlight.bundle.verify_bundle`, unless that was done and no file was touched since."""
    if not is_checked(path):
        with marking(path, rehearsed=False):
            verify_bundle(path)


def remove_bundle(path: Path) -> None:
    """Remove the bundle at ``path``, of which nobody knows yet, and its mark."""
    shutil.rmtree(path, ignore_errors=True)
    _place(path).unlink(missing_ok=True)


def _place(path: Path) -> Path:
    return path.with_name(f".{path.name}.checked")


def _state(path: Path) -> _State:
    found = {}
    for name in file_names(path):
        with suppress(OSError):  # gone meanwhile: whoever verifies says so
            stat = (path / name).stat()
            found[name] = (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino)
    return found
