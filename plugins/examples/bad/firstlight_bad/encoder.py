"""A feature encoder with faults."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from firstlight import Attribute, Attributes
from firstlight_bad.components import NUMBERS, Bad
from firstlight_bad.faults import break_down


class BadEncoder(Bad):
    """Adds one column to profiles: whether the first attribute is known."""

    side: Literal["users", "items"] = "users"
    names: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()

    def fit(self, schema: Sequence[Attribute], rows: Sequence[Attributes], *, seed: int) -> None:
        """Remember the attribute's name."""
        break_down("encoder", self.fault)
        self._name(schema[0].name if schema else "")

    def encode(self, rows: Sequence[Attributes]) -> NDArray[np.float32]:
        """One column, or a fault."""
        fault = break_down("encoder", self.fault)
        held = [[float(field in row) for field in self.fields] for row in rows]
        out = np.array(held, np.float32).reshape(len(rows), len(self.fields))
        if fault in NUMBERS:
            out[:] = NUMBERS[fault]
        return out[:, 1:] if fault in ("shape", "unknown") else out

    def export(self, directory: Path) -> None:
        """The attribute's name."""
        (directory / "encoder.json").write_text(json.dumps(self.fields), "utf-8")

    def load(self, directory: Path) -> None:
        """The attribute's name."""
        self._name("".join(json.loads((directory / "encoder.json").read_text("utf-8"))))

    def _name(self, field: str) -> None:
        self.fields = (field,) if field else ()
        self.names = tuple(f"{name}=known" for name in self.fields)
