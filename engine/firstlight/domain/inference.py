"""Guesses what attributes mean and which values are positive, from plain values, where nobody said so.

A guess can be fixed in ``schema.toml``; see :mod:`firstlight.datasets.schema_file`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from itertools import chain, islice
from statistics import median

from firstlight.domain.schema import Attribute, AttributeValue, Kind
from firstlight.domain.values import is_number, parse_time

SAMPLE = 20_000
"""Values looked at; later ones rarely change a guess."""

SEPARATORS = ("|", ";", ",")
_MIN_IDS = 20
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?")
_VECTOR = re.compile(r"\s*\[?\s*-?\d[\d.eE+-]*(\s*,\s*-?\d[\d.eE+-]*|\s+-?\d[\d.eE+-]*){3,}\s*\]?\s*")


def infer_attribute(name: str, values: Iterable[AttributeValue]) -> Attribute:
    """The kind of an attribute with these ``values`` (present ones only, at least one; the first 20,000 count).

    Numbers are numeric, times timestamps, float tuples of one size (two or more) embeddings, string tuples
    multi-valued, truth values categorical. Strings are tried as numbers, dates, embeddings (four numbers or more),
    several categories behind one of ``| ; ,`` (short parts that repeat), text (several words that rarely repeat), ids
    (no value twice), else they are categorical. Numbers that rarely repeat in a column named ``id``, ``..._id`` or
    ``...Id`` are ids.
    """
    sample = list(islice(values, SAMPLE))
    kind = _typed(sample)
    if kind is Kind.EMBEDDING:
        return Attribute(name, kind, size=len(sample[0]))  # type: ignore[arg-type]  # all are float tuples
    if kind is None:
        return _from_strings(name, [value if isinstance(value, str) else str(value) for value in sample])
    if kind is Kind.NUMERIC and _named_id(name) and _share_distinct(sample) > 0.9:
        kind = Kind.ID
    return Attribute(name, kind)


def infer_positive_value(values: Sequence[float]) -> tuple[float, str]:
    """From which value on an interaction is positive, and why: by the range of the finite ``values``, at least one."""
    low, high = min(values), max(values)
    few = set(islice(dict.fromkeys(values), 3))
    if few <= {0.0, 1.0}:
        return 1.0, "values are 0 and 1"
    if len(few) <= 2:
        return float(high), "the greater of two values"
    if low >= 0.5 and high <= 5:
        return 4.0, "values look like ratings up to 5"
    if low >= 0 and 5 < high <= 10:
        return 7.0, "values look like ratings up to 10"
    return float(median(values)), "the median of all values"


def _typed(sample: Sequence[AttributeValue]) -> Kind | None:
    """The kind that the Python types alone decide, None for strings and mixtures."""
    if all(isinstance(value, bool) for value in sample):
        return Kind.CATEGORICAL
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in sample):
        return Kind.NUMERIC
    if all(isinstance(value, datetime) for value in sample):
        return Kind.TIMESTAMP
    if any(isinstance(value, tuple) for value in sample):
        return Kind.EMBEDDING if _are_vectors(sample) else Kind.MULTI
    return None


def _are_vectors(sample: Sequence[AttributeValue]) -> bool:
    sizes = {len(value) if isinstance(value, tuple) else 0 for value in sample}
    return len(sizes) == 1 and min(sizes) >= 2 and all(isinstance(part, int | float) for v in sample for part in v)  # type: ignore[union-attr]


def _from_strings(name: str, sample: Sequence[str]) -> Attribute:
    if all(map(is_number, sample)):
        rare = _named_id(name) and _share_distinct(sample) > 0.9
        return Attribute(name, Kind.ID if rare else Kind.NUMERIC)
    if all(map(_DATE.fullmatch, sample)) and _all_parse(parse_time, sample):
        return Attribute(name, Kind.TIMESTAMP)
    if all(map(_VECTOR.fullmatch, sample)):
        sizes = {len(value.strip("[] ").replace(",", " ").split()) for value in sample}
        if len(sizes) == 1:
            return Attribute(name, Kind.EMBEDDING, size=sizes.pop())
    for separator in SEPARATORS:
        if _separates(separator, sample):
            return Attribute(name, Kind.MULTI, separator=separator)
    words = sum(len(value.split()) for value in sample) / len(sample)
    distinct = _share_distinct(sample)
    if words >= 3 or (words >= 1.5 and distinct > 0.5):
        return Attribute(name, Kind.TEXT)
    return Attribute(name, Kind.ID if distinct == 1 and len(sample) >= _MIN_IDS else Kind.CATEGORICAL)


def _separates(separator: str, sample: Sequence[str]) -> bool:
    """Whether a tenth of the values hold it, and the parts between are short and on average come twice or more."""
    if sum(separator in value for value in sample) < max(2, len(sample) / 10):
        return False
    parts = [part.strip() for part in chain.from_iterable(value.split(separator) for value in sample)]
    words = sum(len(part.split()) for part in parts)
    return 2 * len(set(parts)) <= len(parts) and words <= 2 * len(parts)


def _all_parse(parse: Callable[[str], object], sample: Iterable[str]) -> bool:
    try:
        for value in sample:
            parse(value)
    except ValueError:
        return False
    return True


def _named_id(name: str) -> bool:
    return name.lower() == "id" or name.endswith(("_id", "Id", "ID"))


def _share_distinct(sample: Sequence[object]) -> float:
    return len(set(sample)) / len(sample)
