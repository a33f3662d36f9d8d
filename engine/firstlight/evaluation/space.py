"""Where a component puts the items: its vectors in two dimensions, and what the items are."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from firstlight.domain import Dataset, Kind
from firstlight.features.columns import values_of
from firstlight.roles import ItemVectors
from firstlight.training import Product

POINTS = 1_500
"""Items drawn, those with the most interactions."""
VALUES = 8
"""Values with a colour of their own, the most frequent ones."""
OTHER = "other"


@dataclass(frozen=True, slots=True)
class ItemSpace:
    """The first two principal directions of ``component``'s item vectors, each of length 1.

    ``points``: two coordinates an item; ``values``: each one's value of ``attribute``, ``other`` where it is rare or
    unknown; ``explained``: the share of the variance that the two directions hold.
    """

    component: str
    attribute: str
    points: tuple[tuple[float, float], ...]
    values: tuple[str, ...]
    explained: float


def item_space(product: Product, dataset: Dataset) -> ItemSpace | None:
    """Of the first component that has vectors; None where none has, or where items have no category to tell them by."""
    components = product.model.components
    name = next((name for name, component in components.items() if isinstance(component, ItemVectors)), None)
    positions = np.argsort(-dataset.counts(), kind="stable")[:POINTS].astype(np.int32)
    coloured = _colours(dataset, positions.tolist())
    if name is None or coloured is None or len(positions) < 3:
        return None
    component = components[name]
    assert isinstance(component, ItemVectors)
    vectors = component.item_vectors(positions).astype(np.float64)
    vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    vectors -= vectors.mean(axis=0)
    if vectors.shape[1] < 2 or not vectors.any():
        return None
    left, strength, _ = np.linalg.svd(vectors, full_matrices=False)
    points = np.round(left[:, :2] * strength[:2], 3)
    explained = float((strength[:2] ** 2).sum() / (strength**2).sum())
    attribute, values = coloured
    return ItemSpace(name, attribute, tuple((x, y) for x, y in points.tolist()), values, explained)


def _colours(dataset: Dataset, positions: list[int]) -> tuple[str, tuple[str, ...]] | None:
    """The category that most items have, and the value of each of ``positions``; the first one where there are more."""
    best: tuple[str, list[str | None]] | None = None
    columns = values_of(dataset.schema.items, [dataset.item_attributes[n] for n in positions])
    for attribute in dataset.schema.items:
        if attribute.kind not in (Kind.CATEGORICAL, Kind.MULTI):
            continue
        values = [_first(value) for value in columns[attribute.name]]
        if len({value for value in values if value}) > 1 and (best is None or _known(values) > _known(best[1])):
            best = attribute.name, values
    if best is None:
        return None
    name, values = best
    frequent = {value for value, _ in Counter(value for value in values if value).most_common(VALUES)}
    return name, tuple(value if value in frequent and value else OTHER for value in values)


def _first(value: object) -> str | None:
    if isinstance(value, tuple):
        return str(value[0]) if value else None
    return None if value is None else str(value)


def _known(values: list[str | None]) -> int:
    return sum(value is not None for value in values)
