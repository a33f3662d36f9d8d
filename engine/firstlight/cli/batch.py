"""The batch job: a file of queries in, a file of lists out, through the very pipeline that the server runs."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from firstlight.cli.queries import NamedQuery, read_queries
from firstlight.errors import InvalidInputError, Reason
from firstlight.roles import Progress, no_progress

if TYPE_CHECKING:
    from firstlight.pipeline import Recommendation, Recommender

BATCH_SIZE = 256


def run_batch(
    recommender: Recommender,
    catalog_id: str,
    queries: Path,
    out: Path,
    *,
    limit: int,
    batch_size: int = BATCH_SIZE,
    progress: Progress = no_progress,
) -> int:
    """Answer every query in ``queries`` with ``limit`` items, in order, into ``out``; returns how many.

    Every line is read before the first is answered, and ``out`` appears whole or not at all.

    Raises:
        InvalidInputError: a line cannot be used; names it.
        PreconditionError: the catalogue has no active bundle.
    """
    total = sum(1 for _ in read_queries(queries, limit=limit))
    done = 0
    partial = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        with partial.open("w", encoding="utf-8") as file:
            for batch in _batches(read_queries(queries, limit=limit), batch_size):
                try:
                    answers = recommender.recommend(catalog_id, [named.query for named in batch])
                except InvalidInputError as error:
                    raise _with_lines(error, queries, batch) from error
                _write(file, batch, answers)
                done += len(batch)
                progress("answer queries", done / total)
        partial.replace(out)
    finally:
        partial.unlink(missing_ok=True)
    return done


def _batches(queries: Iterable[NamedQuery], size: int) -> Iterator[list[NamedQuery]]:
    iterator = iter(queries)
    while batch := list(islice(iterator, size)):
        yield batch


def _with_lines(error: InvalidInputError, path: Path, batch: list[NamedQuery]) -> InvalidInputError:
    """``error`` with lines of the file in place of places in the batch: ``queries[3].profile.age``."""

    def name(text: str) -> str:
        return re.sub(r"\bqueries\[(\d+)\]\.", lambda found: f"{path}, line {batch[int(found[1])].line}: ", text)

    violations = [replace(one, field=name(one.field)) for one in error.violations]
    return InvalidInputError(
        name(str(error)), violations=violations, total=error.total, reason=Reason.INPUT_FILE_INVALID
    )


def _write(file: TextIO, batch: list[NamedQuery], answers: list[Recommendation]) -> None:
    for named, answer in zip(batch, answers, strict=True):
        items = [{"item_id": i.item_id, "score": float(i.score), "source": i.source} for i in answer.items]
        line = {
            "query_id": named.query_id,
            "items": items,
            "scenario": answer.scenario.name,
            "bundle": answer.bundle_id,
            "route": answer.route,
        }
        file.write(json.dumps(line, ensure_ascii=False) + "\n")
