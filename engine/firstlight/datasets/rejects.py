"""Rows that an import leaves out, and files it cannot read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firstlight.errors import InvalidInputError, Reason


@dataclass(frozen=True, slots=True)
class Reject:
    """One row left out. ``line``: where the row ends in a text file, from 1; else the row's number."""

    file: str
    line: int
    reason: str
    row: Mapping[str, Any] | str


def write_rejects(path: Path, rejects: Iterable[Reject]) -> None:
    """One JSON object a line: ``file``, ``line``, ``reason``, ``row``."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8") as out:
        for one in rejects:
            record = {"file": one.file, "line": one.line, "reason": one.reason, "row": one.row}
            out.write(json.dumps(record, ensure_ascii=False, default=str) + "\n")


def bad_file(path: Path, problem: str) -> InvalidInputError:
    """The error of a file that cannot be used at all."""
    return InvalidInputError(f"{path}: {problem}", reason=Reason.INPUT_FILE_INVALID, metadata={"file": str(path)})
