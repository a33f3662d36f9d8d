"""What can be set."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Variant = Literal["float32", "int8", "pruned"]


class StudentSettings(BaseModel):
    """``[plugins.student]``.

    ``teachers``: the components it learns from, beside ``popularity``. ``variant``: what is served: as trained, with
    graph and tables in 8 bits, or without its smallest weights. ``width``: d of states and item codes.
    ``imitation``: α, how much of the loss is the teachers' opinion and how much the choices of users.
    ``temperature``: T, by which both opinions are softened before they are compared. ``state_weight``: γ of the
    intermediate-feature loss. ``id_dropout``: how often an item is shown by its content alone. ``kept``: the share of
    weights that ``pruned`` keeps. ``max_shown``: interactions shown at most while training; ``max_history``: the newest
    that are read while serving.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    teachers: tuple[str, ...] = ("sequence", "neighbours", "factors")
    variant: Variant = "float32"
    width: int = Field(default=24, ge=2, le=256)
    imitation: float = Field(default=0.8, ge=0, le=1)
    temperature: float = Field(default=1.0, gt=0)
    state_weight: float = Field(default=3.0, ge=0)
    id_dropout: float = Field(default=0.1, ge=0, lt=1)
    kept: float = Field(default=0.5, gt=0, le=1)
    learning_rate: float = Field(default=1e-2, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    batch_size: int = Field(default=128, ge=1)
    epochs: int = Field(default=60, ge=0)
    patience: int = Field(default=10, ge=1)
    max_shown: int = Field(default=30, ge=1)
    max_history: int = Field(default=50, ge=1)
