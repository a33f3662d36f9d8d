"""What a training run learns about attributes, once per fit, and the bundle keeps."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Attribute, Attributes, AttributeValue, Dataset, ItemTable, Kind, Schema, TrainingData
from firstlight.domain.values import convert
from firstlight.errors import CorruptBundleError, PreconditionError
from firstlight.features.columns import Bands, OneHot, Standard, frequent
from firstlight.features.files import FILE, Block, dump, read, restore
from firstlight.features.vectors import Embed, Embedding, Text

MAX_PROFILE = 256
MAX_CONTENT = 512
PROFILE_BANDS = 4
CONTENT_BANDS = 8
TEXT_WIDTH = 64
MODEL_WIDTH = 128
EMBEDDING_BUDGET = 192

_CATEGORIES = (Kind.CATEGORICAL, Kind.MULTI)
_NUMBERS = (Kind.NUMERIC, Kind.TIMESTAMP)


class FeatureEncoders:
    """Raw attributes to feature rows.

    Profiles, float32 (n, P ≤ 256), hold ones and zeros: one column a category that at least max(5, 1 %) of users have,
    and one a quantile band of a number or time. Content, float32 (n, C ≤ 512), holds the same for items (categories of
    at least 2), standardised numbers, embeddings and one vector of all text. Ids and unknown values encode as zeros.
    ``text_key`` names the text model used, empty for hashed n-grams.
    """

    def __init__(
        self, schema: Schema, profile: Sequence[Block], content: Sequence[Block], *, text_key: str = ""
    ) -> None:
        self.schema = schema
        self.text_key = text_key
        self._profile = tuple(profile)
        self._content = tuple(content)
        self.profile_names, self.profile_fields = _names(self._profile)
        self.content_names, self.content_fields = _names(self._content)

    @classmethod
    def fit(
        cls, dataset: Dataset, *, seed: int = 0, embed: Embed | None = None, embed_key: str = ""
    ) -> FeatureEncoders:
        """Learn from the users of ``dataset`` and from those of its items that somebody interacted with.

        ``embed``: a text model; ``embed_key``: what identifies it, kept in the bundle (folder name and hash).
        """
        used = np.flatnonzero(dataset.counts())
        items = [dataset.item_attributes[n] for n in used] if len(used) else dataset.item_attributes
        profile = _fit_profile(dataset.schema.users, dataset.user_attributes)
        content = _fit_content(dataset.schema.items, items, seed, embed)
        return cls(dataset.schema, profile, content, text_key=embed_key if embed is not None else "")

    def profiles(self, attributes: Sequence[Attributes]) -> NDArray[np.float32]:
        """float32 (n, P). Raises InvalidInputError where a value cannot be of its attribute's kind."""
        return _encode(self._profile, _values(self.schema.users, attributes), len(attributes))

    def content(self, attributes: Sequence[Attributes]) -> NDArray[np.float32]:
        """float32 (n, C). Raises InvalidInputError where a value cannot be of its attribute's kind."""
        return _encode(self._content, _values(self.schema.items, attributes), len(attributes))

    def unknown_profile(self, attributes: Attributes) -> tuple[str, ...]:
        """Names of user attributes the schema does not know."""
        return _unknown(self.schema.users, attributes)

    def unknown_content(self, attributes: Attributes) -> tuple[str, ...]:
        """Names of item attributes the schema does not know."""
        return _unknown(self.schema.items, attributes)

    def save(self, directory: Path) -> None:
        """Write ``encoders.json`` and its arrays into ``directory``."""
        directory.mkdir(parents=True, exist_ok=True)
        state = {
            "schema": self.schema.to_json(),
            "text_key": self.text_key,
            "profile": [dump(block, directory, f"profile_{n}") for n, block in enumerate(self._profile)],
            "content": [dump(block, directory, f"content_{n}") for n, block in enumerate(self._content)],
        }
        (directory / FILE).write_text(json.dumps(state, ensure_ascii=False, indent=1), encoding="utf-8")

    @staticmethod
    def required_text_model(directory: Path) -> str:
        """The ``embed_key`` of the text model the saved encoders need, empty for none."""
        return str(read(directory)["text_key"])

    @classmethod
    def load(cls, directory: Path, embed: Embed | None = None) -> FeatureEncoders:
        """Inverse of :meth:`save`; ``embed`` is the model that :meth:`required_text_model` names.

        Raises:
            PreconditionError: a text model is needed and none is given.
            CorruptBundleError: the files cannot be read.
        """
        state = read(directory)
        if state["text_key"] and embed is None:
            raise PreconditionError(f"these features need the text model {state['text_key']!r}; give its folder")
        try:
            profile, content = (
                [restore(block, directory, embed) for block in state[part]] for part in ("profile", "content")
            )
            return cls(Schema.from_json(state["schema"]), profile, content, text_key=state["text_key"])
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise CorruptBundleError(f"feature encoders in {directory.name} cannot be read: {error}") from error


def training_data(dataset: Dataset, encoders: FeatureEncoders, *, validation: NDArray[np.int64]) -> TrainingData:
    """``dataset`` with its users and items as feature rows; ``validation``: rows of users set aside."""
    return TrainingData(
        dataset=dataset,
        profiles=encoders.profiles(dataset.user_attributes),
        profile_names=encoders.profile_names,
        profile_fields=encoders.profile_fields,
        items=ItemTable(encoders.content(dataset.item_attributes), dataset.counts()),
        content_names=encoders.content_names,
        validation=np.asarray(validation, np.int64),
    )


def _fit_profile(schema: Sequence[Attribute], rows: Sequence[Attributes]) -> list[Block]:
    columns = _values(schema, rows)
    bands = [_bands(a, columns, PROFILE_BANDS) for a in schema if a.kind in _NUMBERS]
    blocks: list[Block] = [block for block in bands if block]
    width = sum(len(block.names) for block in blocks)
    least = max(5, -(-len(rows) // 100))
    return [*_vocabularies(schema, columns, least=least, budget=MAX_PROFILE - width), *blocks]


def _fit_content(
    schema: Sequence[Attribute], rows: Sequence[Attributes], seed: int, embed: Embed | None
) -> list[Block]:
    columns = _values(schema, rows)
    numbers = [a for a in schema if a.kind in _NUMBERS]
    embeddings = [a for a in schema if a.kind is Kind.EMBEDDING]
    width = min(MODEL_WIDTH, EMBEDDING_BUDGET // max(1, len(embeddings)))
    found: list[Block | None] = [
        *(_bands(a, columns, CONTENT_BANDS) for a in numbers),
        *(Standard.fit(a.name, columns[a.name]) for a in numbers),
        *(Embedding.fit(a.name, columns[a.name], width=width, seed=seed) for a in embeddings),
    ]
    text = _text_field(schema)
    if text:
        size = TEXT_WIDTH if embed is None else MODEL_WIDTH
        texts = [str(value) for value in columns[text]]
        found.append(Text.fit(text, texts, width=size, seed=seed, embed=embed))
    blocks = [block for block in found if block]
    budget = MAX_CONTENT - sum(len(block.names) for block in blocks)
    return [*_vocabularies(schema, columns, least=2, budget=budget), *blocks]


def _bands(attribute: Attribute, columns: dict[str, list[AttributeValue | None]], bands: int) -> Bands | None:
    values = columns[attribute.name]
    if attribute.kind is Kind.TIMESTAMP:
        values = _years(values)
    return Bands.fit(attribute.name, values, bands)


def _years(values: Iterable[AttributeValue | None]) -> list[AttributeValue | None]:
    return [getattr(value, "year", None) for value in values]


def _vocabularies(
    schema: Sequence[Attribute], columns: dict[str, list[AttributeValue | None]], *, least: int, budget: int
) -> list[OneHot]:
    """One block a categorical attribute; the most frequent categories of all share ``budget`` columns."""
    names = [a.name for a in schema if a.kind in _CATEGORIES]
    found = [(-count, name, token) for name in names for count, token in frequent(columns[name], least)]
    kept = sorted(found)[: max(budget, 0)]
    blocks = [OneHot(name, tuple(sorted(token for _, field, token in kept if field == name))) for name in names]
    return [block for block in blocks if block.vocabulary]


def _text_field(schema: Sequence[Attribute]) -> str:
    return "+".join(a.name for a in schema if a.kind is Kind.TEXT)


def _values(schema: Sequence[Attribute], rows: Sequence[Attributes]) -> dict[str, list[AttributeValue | None]]:
    """Converted values by attribute; all text attributes together, joined, under :func:`_text_field`."""
    columns: dict[str, list[AttributeValue | None]] = {
        a.name: [None if row.get(a.name) is None else convert(row[a.name], a) for row in rows]
        for a in schema
        if a.kind not in (Kind.ID, Kind.IGNORE)
    }
    texts = [columns[a.name] for a in schema if a.kind is Kind.TEXT]
    if texts:
        columns[_text_field(schema)] = [" ".join(str(t) for t in row if t) for row in zip(*texts, strict=True)]
    return columns


def _encode(blocks: Sequence[Block], columns: dict[str, list[AttributeValue | None]], rows: int) -> NDArray[np.float32]:
    parts = [np.zeros((rows, 0), np.float32)]
    for block in blocks:
        values = columns[block.field]
        parts.append(block.encode(values))  # type: ignore[arg-type]  # texts are strings under the text field
    return np.concatenate(parts, axis=1)


def _names(blocks: Sequence[Block]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names = tuple(name for block in blocks for name in block.names)
    return names, tuple(block.field for block in blocks for _ in block.names)


def _unknown(schema: Sequence[Attribute], attributes: Attributes) -> tuple[str, ...]:
    return tuple(sorted(set(attributes) - {a.name for a in schema}))
