"""What encoders learn: which columns there are, and how many of them fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from firstlight.domain import Attribute, Attributes, AttributeValue, Kind
from firstlight.errors import PluginError
from firstlight.features.columns import Bands, OneHot, Standard, frequent, text_field, values_of
from firstlight.features.files import Block, Column
from firstlight.features.plugged import Plugged, plain_rows
from firstlight.features.vectors import Embed, Embedding, Text
from firstlight.roles import FeatureEncoder

MAX_PROFILE = 256
MAX_CONTENT = 512
PROFILE_BANDS = 4
CONTENT_BANDS = 8
TEXT_WIDTH = 64
MODEL_WIDTH = 128
EMBEDDING_BUDGET = 192

_CATEGORIES = (Kind.CATEGORICAL, Kind.MULTI)
_NUMBERS = (Kind.NUMERIC, Kind.TIMESTAMP)


def fit_plugged(
    encoders: Mapping[str, FeatureEncoder],
    side: str,
    schema: Sequence[Attribute],
    rows: Sequence[Attributes],
    seed: int,
) -> list[Plugged]:
    """The columns of those ``encoders`` that are for ``side``, users or items."""
    for name, encoder in encoders.items():
        if encoder.side not in ("users", "items"):
            raise PluginError(f"feature encoder {name!r} is for {encoder.side!r}, neither 'users' nor 'items'")
    chosen = {name: encoder for name, encoder in encoders.items() if encoder.side == side}
    plain = plain_rows(schema, rows) if chosen else []
    blocks = [Plugged.fit(name, encoder, schema, plain, seed=seed) for name, encoder in chosen.items()]
    return [block for block in blocks if block]


def fit_profile(schema: Sequence[Attribute], rows: Sequence[Attributes], plugged: Sequence[Plugged]) -> list[Block]:
    """Columns of users, those of plugins last."""
    columns = values_of(schema, rows)
    bands = [_bands(a, columns, PROFILE_BANDS) for a in schema if a.kind in _NUMBERS]
    blocks: list[Block] = [*(block for block in bands if block), *plugged]
    room = MAX_PROFILE - sum(len(block.names) for block in blocks)
    least = max(5, -(-len(rows) // 100))
    return _whole([*_vocabularies(schema, columns, least=least, budget=room), *blocks], MAX_PROFILE, "profile")


def fit_content(
    schema: Sequence[Attribute],
    rows: Sequence[Attributes],
    plugged: Sequence[Plugged],
    seed: int,
    embed: Embed | None,
) -> list[Block]:
    """Columns of items, those of plugins last."""
    columns = values_of(schema, rows)
    numbers = [a for a in schema if a.kind in _NUMBERS]
    embeddings = [a for a in schema if a.kind is Kind.EMBEDDING]
    width = min(MODEL_WIDTH, EMBEDDING_BUDGET // max(1, len(embeddings)))
    found: list[Column | None] = [
        *(_bands(a, columns, CONTENT_BANDS) for a in numbers),
        *(Standard.fit(a.name, columns[a.name]) for a in numbers),
        *(Embedding.fit(a.name, columns[a.name], width=width, seed=seed) for a in embeddings),
    ]
    text = text_field(schema)
    if text:
        size = TEXT_WIDTH if embed is None else MODEL_WIDTH
        texts = [str(value) for value in columns[text]]
        found.append(Text.fit(text, texts, width=size, seed=seed, embed=embed))
    blocks: list[Block] = [*(block for block in found if block), *plugged]
    room = MAX_CONTENT - sum(len(block.names) for block in blocks)
    return _whole([*_vocabularies(schema, columns, least=2, budget=room), *blocks], MAX_CONTENT, "content")


def _whole(blocks: list[Block], most: int, what: str) -> list[Block]:
    """``blocks``, where plugins' columns fit beside the built-in ones and have names of their own."""
    taken: set[str] = set()
    room = most
    for block in blocks:
        if isinstance(block, Plugged):
            twice = [name for n, name in enumerate(block.names) if name in taken or name in block.names[:n]]
            if twice:
                raise PluginError(f"feature encoder {block.component!r}: there is another column {twice[0]!r}")
            if len(block.names) > room:
                raise PluginError(
                    f"feature encoder {block.component!r} has {len(block.names)} columns, and {room} of {most} {what} "
                    "columns are left: let it make fewer, or name its plugin in disable_plugins"
                )
        room -= len(block.names)
        taken.update(block.names)
    return blocks


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
