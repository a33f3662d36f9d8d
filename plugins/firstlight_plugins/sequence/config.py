"""What can be set, and the three sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Preset = Literal["small", "base", "large"]


class SequenceConfig(BaseModel):
    """``[plugins.sequence]``. What is unset follows from the training run and its preset.

    ``loss``: ``cross_entropy`` predicts which items come next, ``mse`` their values. ``max_shown``: interactions shown
    at most while training; ``max_history``: the newest that are read while serving. ``id_dropout``: how often an item
    is shown by its content alone, so that items without interactions are scored as well as their content allows.
    ``order_aware``: whether the weight of an interaction may depend on how many came after it, where times are known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: Preset | None = None
    loss: Literal["cross_entropy", "mse"] = "cross_entropy"
    optimizer: Literal["adam", "adamw", "sgd"] = "adamw"
    learning_rate: float | None = Field(default=None, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    batch_size: int = Field(default=128, ge=1)
    epochs: int = Field(default=30, ge=0)
    patience: int = Field(default=4, ge=1)
    dropout: float = Field(default=0.3, ge=0, lt=1)
    id_dropout: float = Field(default=0.3, ge=0, lt=1)
    max_shown: int = Field(default=30, ge=1)
    max_history: int = Field(default=50, ge=1)
    order_aware: bool = True
    negatives: int = Field(default=2000, ge=1)


@dataclass(frozen=True, slots=True)
class Size:
    """``width`` d of states and vectors, transformer ``layers`` of ``heads``, ``expansion`` of the inner layer.

    ``threads``: on the CPU, None = as many as torch likes; the small size is faster on one, its steps being so short.
    """

    width: int
    layers: int
    heads: int
    expansion: int
    learning_rate: float
    threads: int | None = None


SIZES: Mapping[str, Size] = {
    "small": Size(width=64, layers=1, heads=2, expansion=2, learning_rate=3e-3, threads=1),
    "base": Size(width=128, layers=2, heads=4, expansion=2, learning_rate=2e-3),
    "large": Size(width=512, layers=8, heads=8, expansion=4, learning_rate=3e-4),
}
