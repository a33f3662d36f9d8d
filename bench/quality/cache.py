"""Answers and choices on disk, under a name that holds the hash of all they depend on: a run that was cut off resumes.

No pickle: arrays as ``.npz``, the rest as JSON.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from asking import Answer

from firstlight.domain import Dataset, Histories
from firstlight.evaluation.protocols import Split

Answers = Mapping[tuple[int, str], Answer]
"""By the number of a case in its split, and strategy."""

_FIELDS = ("users", "ndcg", "recall", "new_share", "target_share")


def digest(*parts: object) -> str:
    """Sixteen hexadecimal digits of the JSON of ``parts``."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=False, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def code(*places: Path) -> str:
    """The hash of the Python files in ``places``, folders or files."""
    found = hashlib.sha256()
    for place in places:
        for path in [place] if place.is_file() else sorted(place.rglob("*.py")):
            found.update(path.name.encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:16]


def content(split: Split) -> str:
    """The hash of what a fold may learn from and of what it is asked."""
    found = hashlib.sha256(split.protocol.encode())
    _add_dataset(found, split.training)
    for case in split.cases:
        found.update(f"{case.slice_name} {case.shown}".encode())
        found.update(json.dumps(list(case.attributes), sort_keys=True, default=str).encode())
        for histories in (case.histories, case.targets):
            _add_histories(found, histories)
        for array in (case.users, case.only, case.new):
            found.update(b"-" if array is None else np.ascontiguousarray(array).tobytes())
    return found.hexdigest()[:16]


def _add_dataset(found: Any, dataset: Dataset) -> None:
    facts = dataset.schema.to_json(), dataset.user_ids, dataset.item_ids
    attributes = dataset.user_attributes, dataset.item_attributes
    found.update(json.dumps([facts, attributes], sort_keys=True, default=str).encode())
    _add_histories(found, dataset.histories)


def _add_histories(found: Any, histories: Histories) -> None:
    for array in (histories.offsets, histories.items, histories.values, histories.types, histories.times):
        found.update(np.ascontiguousarray(array).tobytes())


class Cache:
    """Files in one folder; a file appears whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def read(self, name: str) -> tuple[Answers, dict[str, Any]] | None:
        """Answers, and what was kept beside them."""
        path = self.folder / f"{name}.npz"
        if not path.exists():
            return None
        with np.load(path, allow_pickle=False) as file:
            notes = json.loads(str(file["notes"]))
            answers = {
                (case, strategy): Answer(
                    *(file[f"{n}.{field}"] for field in _FIELDS[:3]), *file[f"{n}.shares"].tolist()
                )
                for n, (case, strategy) in enumerate(notes.pop("answers"))
            }
        return answers, notes

    def write(self, name: str, answers: Answers, notes: Mapping[str, Any]) -> None:
        """Inverse of :meth:`read`; ``notes`` are JSON."""
        arrays = {"notes": np.array(json.dumps({**notes, "answers": list(answers)}, ensure_ascii=False))}
        for n, answer in enumerate(answers.values()):
            arrays |= {f"{n}.{field}": getattr(answer, field) for field in _FIELDS[:3]}
            arrays[f"{n}.shares"] = np.array([answer.new_share, answer.target_share])
        path = self.folder / f"{name}.npz"
        building = path.with_suffix(".building")
        with building.open("wb") as file:
            np.savez(file, **arrays)
        building.replace(path)

    def read_json(self, name: str) -> Any:
        """What :meth:`write_json` wrote, None where it did not."""
        path = self.folder / f"{name}.json"
        return json.loads(path.read_text("utf-8")) if path.exists() else None

    def write_json(self, name: str, value: Any) -> None:
        """``value`` as JSON."""
        path = self.folder / f"{name}.json"
        building = path.with_suffix(".building")
        building.write_text(json.dumps(value, ensure_ascii=False, indent=1), "utf-8")
        building.replace(path)
