"""Columns of encoders that plugins register: always as many as in training, zeros where one cannot answer."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Attribute, Attributes, Kind
from firstlight.domain.values import convert
from firstlight.errors import PluginError
from firstlight.plugins import Attempt
from firstlight.roles import FeatureEncoder

T = TypeVar("T")

log = logging.getLogger(__name__)

MakeEncoder = Callable[[str], FeatureEncoder]
"""A new encoder by the name it was registered under; raises where there is none."""

SAMPLE = 8
"""Rows that a fitted encoder is tried on."""


def insist(component: str, operation: str, function: Callable[[], T], /) -> T | None:
    """An :class:`Attempt` that leaves nothing out: training does not go on without columns.

    Raises:
        PluginError: naming the encoder.
    """
    return _insist(component, operation, function)


def leave_out(component: str, operation: str, function: Callable[[], T], /) -> T | None:
    """An :class:`Attempt` that leaves out what fails and logs it: an answer without some columns is an answer."""
    try:
        return function()
    except Exception as error:  # whatever a plugin raises, the other columns are there
        log.warning("feature encoder %s failed in %s and is left out: %s", component, operation, error, exc_info=error)
        return None


def no_encoder(name: str) -> FeatureEncoder:
    """A :data:`MakeEncoder` that makes none."""
    raise PluginError(f"no plugin offers feature encoder {name!r}")


@dataclass(frozen=True)
class Plugged:
    """One encoder's columns. ``encoder`` is None where it is absent."""

    component: str
    names: tuple[str, ...]
    fields: tuple[str, ...]
    encoder: FeatureEncoder | None

    @classmethod
    def fit(
        cls,
        component: str,
        encoder: FeatureEncoder,
        schema: Sequence[Attribute],
        rows: Sequence[Attributes],
        *,
        seed: int,
    ) -> Self | None:
        """Fit ``encoder`` on :func:`plain_rows`; None where it adds no column.

        Raises:
            PluginError: it fails, its names and fields do not fit together, or it cannot encode the first rows.
        """
        _insist(component, "fit", lambda: encoder.fit(schema, rows, seed=seed))
        block = cls(component, *_insist(component, "fit", lambda: _named(component, encoder)), encoder)
        if not block.names:
            return None
        block.encode(rows[:SAMPLE], insist)
        return block

    def encode(self, rows: Sequence[Attributes], attempt: Attempt) -> NDArray[np.float32]:
        """float32 (n, columns) of :func:`plain_rows`; zeros where the encoder is absent or left out by ``attempt``."""
        if self.encoder is None or not rows:
            return np.zeros((len(rows), len(self.names)), np.float32)
        found = attempt(self.component, "encode", partial(self._checked, self.encoder, rows))
        return np.zeros((len(rows), len(self.names)), np.float32) if found is None else found

    def _checked(self, encoder: FeatureEncoder, rows: Sequence[Attributes]) -> NDArray[np.float32]:
        found = np.asarray(encoder.encode(rows))
        shape = (len(rows), len(self.names))
        if found.shape != shape or found.dtype.kind not in "biuf":
            raise PluginError(f"feature encoder {self.component!r} answered {found.dtype} {found.shape}, not {shape}")
        with np.errstate(over="ignore"):
            found = found.astype(np.float32)
        if not np.isfinite(found).all():
            raise PluginError(f"feature encoder {self.component!r} answered a value that is not a finite number")
        return found

    def dump(self, directory: Path) -> dict[str, Any]:
        """The JSON of the block; the encoder's own files go to a folder of its name in ``directory``.

        Raises:
            PluginError: the encoder fails to export, or is absent.
        """
        if self.encoder is None:
            raise PluginError(f"feature encoder {self.component!r} is absent and cannot be saved again")
        folder = directory / self.component
        folder.mkdir()
        encoder = self.encoder
        _insist(self.component, "export", lambda: encoder.export(folder))
        return {"kind": "plugged", "component": self.component, "names": self.names, "fields": self.fields}

    @classmethod
    def restore(cls, state: Mapping[str, Any], directory: Path, make: MakeEncoder) -> tuple[Self, str]:
        """Inverse of :meth:`dump`, and why the encoder is absent, empty where it is not."""
        component, names, fields = str(state["component"]), tuple(state["names"]), tuple(state["fields"])
        try:
            encoder = make(component)
            encoder.load(directory / component)
            if _named(component, encoder) != (names, fields):
                raise PluginError("its columns are not those it was trained with")
        except Exception as error:  # whatever a plugin raises, the other columns are there
            text = " ".join(str(error).split())
            return cls(component, names, fields, None), text if isinstance(error, PluginError) else repr(error)
        return cls(component, names, fields, encoder), ""


def plain_rows(schema: Sequence[Attribute], rows: Sequence[Attributes]) -> list[Attributes]:
    """``rows`` as encoders of plugins see them: what the schema knows, each value as its kind wants it, nothing empty.

    Ids and ignored attributes are as they were stored. Raises InvalidInputError where a value cannot be of its kind.
    """

    def value(attribute: Attribute, row: Attributes) -> Any:
        given = row.get(attribute.name)
        return given if attribute.kind in (Kind.ID, Kind.IGNORE) else convert(given, attribute)

    return [
        MappingProxyType({a.name: found for a in schema if (found := value(a, row)) not in (None, "", ())})
        for row in rows
    ]


def _named(component: str, encoder: FeatureEncoder) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Names and fields of its columns."""
    if isinstance(encoder.names, str) or isinstance(encoder.fields, str):
        raise PluginError(f"feature encoder {component!r}: names and fields must be tuples of text")
    names, fields = tuple(encoder.names), tuple(encoder.fields)
    if not all(isinstance(each, str) and each for each in (*names, *fields)):
        raise PluginError(f"feature encoder {component!r}: names and fields must be tuples of text")
    if len(names) != len(fields):
        raise PluginError(f"feature encoder {component!r} has {len(names)} names, but {len(fields)} fields")
    return names, fields


def _insist(component: str, operation: str, function: Callable[[], T]) -> T:
    try:
        return function()
    except PluginError:
        raise
    except Exception as error:
        text = f"{type(error).__name__}: {error}"
        raise PluginError(f"feature encoder {component!r} failed in {operation}: {text}") from error
