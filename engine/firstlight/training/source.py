"""A bundle of another catalogue as what a training run may start from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstlight.bundle import Bundle
from firstlight.domain import Attribute, Attributes, Kind
from firstlight.domain.values import convert
from firstlight.errors import InvalidInputError, PreconditionError, Reason
from firstlight.features import FeatureEncoders
from firstlight.runtime.text import TextModel

NEEDED = "transfer"
"""The component whose body is carried; a bundle without it is no source."""


@dataclass(frozen=True, slots=True)
class BundleSource:
    """A :class:`firstlight.roles.Source` over one bundle. ``reads_text``: whether its text columns can be computed."""

    bundle: Bundle
    encoders: FeatureEncoders
    reads_text: bool

    def component(self, name: str) -> Path:
        """The folder that the component ``name`` exported.

        Raises:
            PreconditionError: BUNDLE_NOT_FOUND: the bundle holds no such component.
        """
        if name not in self.bundle.manifest.components:
            raise PreconditionError(
                f"bundle {self.bundle.manifest.bundle_id} holds no component {name!r}: train it again, or take another",
                reason=Reason.BUNDLE_NOT_FOUND,
            )
        return self.bundle.component(name)

    def content(self, attributes: Sequence[Attributes]) -> NDArray[np.float32]:
        """Items of another catalogue in the source's columns; values that are not of the source's kind are unknown."""
        schema = [a for a in self.encoders.schema.items if self.reads_text or a.kind is not Kind.TEXT]
        return self.encoders.content(_understood(schema, attributes))

    @property
    def carried(self) -> Sequence[str]:
        """The component whose body is carried."""
        return (NEEDED,)

    @property
    def metrics(self) -> Mapping[str, float]:
        """As the bundle's manifest states them."""
        return self.bundle.manifest.metrics

    def profiles(self, attributes: Sequence[Attributes]) -> NDArray[np.float32]:
        """Users of another catalogue in the source's columns, likewise."""
        return self.encoders.profiles(_understood(self.encoders.schema.users, attributes))


def open_source(path: Path, text: TextModel | None) -> BundleSource:
    """The bundle at ``path``, every byte verified. ``text``: the text model of this run.

    Text is read only where both were trained with the same text model: hashed n-grams are projected along what varies
    in one catalogue, and say little in another. Else its columns are zeros, as are those of plugins' encoders.

    Raises:
        CorruptBundleError: a file is not what the manifest says.
        PreconditionError: BUNDLE_NOT_FOUND: it holds no body to carry.
    """
    bundle = Bundle.open(path, verify=True)
    key = FeatureEncoders.required_text_model(bundle.encoders)
    same = text is not None and text.key == key
    encoders = FeatureEncoders.load(bundle.encoders, text if same else _no_text)
    source = BundleSource(bundle, encoders, reads_text=same)
    source.component(NEEDED)
    return source


def _no_text(texts: Sequence[str]) -> NDArray[np.float32]:
    raise AssertionError(f"{len(texts)} texts for a model that is not there")


def _understood(schema: Sequence[Attribute], rows: Sequence[Attributes]) -> list[Attributes]:
    """``rows`` without the values that cannot be of their attribute's kind in ``schema``."""
    kinds = {attribute.name: attribute for attribute in schema}

    def fits(name: str, value: object) -> bool:
        attribute = kinds.get(name)
        if attribute is None or value is None:
            return False
        try:
            converted = convert(value, attribute)
        except InvalidInputError:
            return False
        return attribute.kind is not Kind.EMBEDDING or len(converted) == attribute.size  # type: ignore[arg-type]

    return [{name: value for name, value in row.items() if fits(name, value)} for row in rows]
