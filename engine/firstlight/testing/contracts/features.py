"""The kit of feature encoders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from firstlight.domain import Attribute, Attributes
from firstlight.roles import FeatureEncoder
from firstlight.testing.catalogue import tiny_dataset
from firstlight.testing.contracts.common import (
    Contract,
    assert_no_pickle,
    close,
    each_alone,
    from_many_threads,
)

ODD_VALUES = ("", "nobody has seen this", -1, 10**30, float("nan"), True, ("x", "y"), (1.0, 2.0), None)
"""What callers send: a value is as it was stored."""


@dataclass(frozen=True, slots=True)
class EncoderWorld:
    """An encoder ``fitted`` on ``rows``, and the same ``loaded`` from its export in ``directory``."""

    schema: Sequence[Attribute]
    rows: Sequence[Attributes]
    fitted: FeatureEncoder
    loaded: FeatureEncoder
    directory: Path


class FeatureEncoderContract(Contract):
    """Tests of the role ``feature_encoder``.

    Override ``attributes`` for other rows than the tiny catalogue's, which know ``taste``, ``age`` and ``postcode`` of
    users, and ``genres``, ``title`` and ``added`` of items.
    """

    seed: ClassVar[int] = 7

    @classmethod
    def attributes(cls, side: str) -> tuple[Sequence[Attribute], Sequence[Attributes]]:
        """The schema and the raw rows that the encoder learns from; ``side``: users or items."""
        dataset = tiny_dataset()
        if side == "users":
            return dataset.schema.users, dataset.user_attributes
        return dataset.schema.items, dataset.item_attributes

    @pytest.fixture(scope="class")
    @classmethod
    def world(cls, tmp_path_factory: pytest.TempPathFactory) -> EncoderWorld:
        """Fit, export and load once for the class."""
        fitted, loaded = cls.make(), cls.make()
        assert fitted.side in {"users", "items"}, "side is users or items"
        schema, rows = cls.attributes(fitted.side)
        fitted.fit(schema, rows, seed=cls.seed)
        directory = tmp_path_factory.mktemp("encoder")
        fitted.export(directory)
        loaded.load(directory)
        return EncoderWorld(schema, rows, fitted, loaded, directory)

    def test_has_the_role(self, world: EncoderWorld) -> None:
        """It has the methods, and no columns before it has learnt any."""
        assert isinstance(world.fitted, FeatureEncoder)
        fresh = type(self).make()
        assert fresh.names == fresh.fields == ()

    def test_columns_are_named(self, world: EncoderWorld) -> None:
        """Every column has a name of its own, ``field=label``, and the attribute it belongs to."""
        names, fields = world.fitted.names, world.fitted.fields
        assert names, "it found nothing to add for the kit's rows: override `attributes`"
        assert len(set(names)) == len(names)
        assert len(fields) == len(names)
        for name, field in zip(names, fields, strict=True):
            assert name.partition("=")[0], f"the column {name!r} is not named field=label"
            assert name.partition("=")[2], f"the column {name!r} is not named field=label"
            assert field in {attribute.name for attribute in world.schema}, f"{field!r} is no attribute"

    def test_rows_are_shaped_and_finite(self, world: EncoderWorld) -> None:
        """float32 (n, W), and something in it."""
        found = world.loaded.encode(world.rows)
        assert found.shape == (len(world.rows), len(world.loaded.names))
        assert found.dtype.name == "float32"
        assert np.isfinite(found).all()
        assert found.any(), "every row encodes as zeros"

    def test_no_rows(self, world: EncoderWorld) -> None:
        """No rows give (0, W)."""
        assert world.loaded.encode([]).shape == (0, len(world.loaded.names))

    def test_nothing_known(self, world: EncoderWorld) -> None:
        """A row without attributes encodes as zeros."""
        assert not world.loaded.encode([{}]).any(), "a row without attributes is not zeros"

    def test_odd_values(self, world: EncoderWorld) -> None:
        """A value nobody has seen, or of another kind, is no fault."""
        rows: list[dict[str, Any]] = [{a.name: value for a in world.schema} for value in ODD_VALUES]
        assert np.isfinite(world.loaded.encode(rows)).all()

    def test_batch_equals_single(self, world: EncoderWorld) -> None:
        """A row's columns do not depend on the other rows."""
        together = world.loaded.encode(world.rows)
        for n in range(min(10, len(world.rows))):
            close(world.loaded.encode([world.rows[n]])[0], together[n])

    def test_loaded_equals_fitted(self, world: EncoderWorld) -> None:
        """Names and columns after ``export`` and ``load``."""
        assert world.loaded.names == world.fitted.names
        assert world.loaded.fields == world.fitted.fields
        close(world.loaded.encode(world.rows), world.fitted.encode(world.rows))

    def test_same_seed_same_columns(self, world: EncoderWorld) -> None:
        """A second fit with the same seed gives the same columns."""
        again = type(self).make()
        again.fit(world.schema, world.rows, seed=self.seed)
        assert again.names == world.fitted.names
        np.testing.assert_array_equal(again.encode(world.rows), world.fitted.encode(world.rows))

    def test_nothing_to_learn_from(self, world: EncoderWorld) -> None:
        """A catalogue may have no rows yet, or no such attribute."""
        for schema, rows in ((world.schema, []), ((), [{}] * 3)):
            empty = type(self).make()
            empty.fit(schema, rows, seed=self.seed)
            assert empty.encode([{}]).shape == (1, len(empty.names))

    def test_many_threads(self, world: EncoderWorld) -> None:
        """``encode`` from 8 threads answers as from one."""
        rows = each_alone(6)
        alone = [world.loaded.encode([world.rows[int(row[0])]]) for row in rows]
        for n, found in from_many_threads(lambda n: world.loaded.encode([world.rows[n]]), arguments=6):
            close(found, alone[n], "another thread's answer")

    def test_no_pickle(self, world: EncoderWorld) -> None:
        """Nothing exported is a pickle, inside or out."""
        assert_no_pickle(world.directory)
