"""The kit of dataset readers."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from firstlight.roles import DatasetReader
from firstlight.testing.contracts.common import Contract

BUILT_IN_SUFFIXES = frozenset({".csv", ".tsv", ".txt", ".parquet", ".pq", ".jsonl", ".ndjson", ".json"})
"""What ``firstlight import`` reads by itself."""

PLAIN = (str, int, float, bool, datetime, type(None))
"""Types an entry may have, beside lists of str or of float."""


class DatasetReaderContract(Contract):
    """Tests of the role ``dataset_reader``. Implement ``write``; ``columns`` is what it writes and must read again."""

    columns: ClassVar[Mapping[str, Sequence[Any]]] = {
        "user_id": ["1", "2", "2"],
        "item_id": ["10", "11", "10"],
        "rating": [4.0, 5.0, 1.0],
    }

    def write(self, path: Path, columns: Mapping[str, Sequence[Any]]) -> None:
        """Write ``columns`` to a new file in the reader's format."""
        raise NotImplementedError("write a file in the reader's format")

    def file(self, directory: Path, columns: Mapping[str, Sequence[Any]]) -> Path:
        """A new file with ``columns``, named as the reader wants it."""
        path = directory / f"interactions{type(self).make().suffixes[0]}"
        self.write(path, columns)
        return path

    def test_has_the_role(self) -> None:
        """It has the method and names endings nobody else has."""
        reader = type(self).make()
        assert isinstance(reader, DatasetReader)
        assert reader.suffixes
        assert isinstance(reader.suffixes, tuple)
        for suffix in reader.suffixes:
            assert re.fullmatch(r"\.[a-z0-9_.-]+", suffix), f"{suffix!r} is no lower-case ending with its dot"
            assert suffix not in BUILT_IN_SUFFIXES, f"{suffix} is built in"

    def test_it_reads_what_was_written(self, tmp_path: Path) -> None:
        """Every column with every entry, in order."""
        found = type(self).make().read(self.file(tmp_path, self.columns))
        assert {name: list(column) for name, column in found.items()} == {n: list(c) for n, c in self.columns.items()}

    def test_columns_are_plain_and_equally_long(self, tmp_path: Path) -> None:
        """Names are strings; entries are of types that an import knows."""
        found = type(self).make().read(self.file(tmp_path, self.columns))
        assert all(isinstance(name, str) and name for name in found)
        assert len({len(column) for column in found.values()}) == 1, "columns differ in length"
        for name, column in found.items():
            for entry in column:
                assert _plain(entry), f"column {name!r} holds {type(entry).__name__}"

    def test_a_file_without_rows(self, tmp_path: Path) -> None:
        """No rows are no fault."""
        found = type(self).make().read(self.file(tmp_path, {name: [] for name in self.columns}))
        assert all(len(column) == 0 for column in found.values())

    def test_read_twice_it_is_the_same(self, tmp_path: Path) -> None:
        """Reading changes neither the file nor the reader."""
        path, reader = self.file(tmp_path, self.columns), type(self).make()
        before = path.read_bytes()
        first, second = reader.read(path), reader.read(path)
        assert path.read_bytes() == before
        assert {n: list(c) for n, c in first.items()} == {n: list(c) for n, c in second.items()}

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        """It raises, and invents nothing."""
        reader = type(self).make()
        with pytest.raises(Exception, match=r".*"):
            reader.read(tmp_path / f"absent{reader.suffixes[0]}")

    def test_a_file_of_another_format(self, tmp_path: Path) -> None:
        """Bytes that are no such file raise: an import must not store what nobody wrote."""
        reader = type(self).make()
        path = tmp_path / f"noise{reader.suffixes[0]}"
        path.write_bytes(bytes(range(256)) * 4)
        with pytest.raises(Exception, match=r".*"):
            reader.read(path)


def _plain(entry: Any) -> bool:
    if isinstance(entry, list | tuple):
        return all(isinstance(part, str) for part in entry) or all(isinstance(part, float) for part in entry)
    return isinstance(entry, PLAIN) and not (isinstance(entry, float) and math.isinf(entry))
