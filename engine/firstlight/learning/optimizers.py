"""Optimisers by name."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch.optim import Optimizer

from firstlight.errors import InvalidInputError, Reason

Groups = Iterable[Mapping[str, Any]]
"""Parameter groups as torch takes them: ``params`` and, where it differs, ``lr`` or ``weight_decay``."""


def _adam(groups: list[dict[str, Any]], learning_rate: float, weight_decay: float) -> Optimizer:
    return torch.optim.Adam(groups, lr=learning_rate, weight_decay=weight_decay)


def _adamw(groups: list[dict[str, Any]], learning_rate: float, weight_decay: float) -> Optimizer:
    return torch.optim.AdamW(groups, lr=learning_rate, weight_decay=weight_decay)


def _sgd(groups: list[dict[str, Any]], learning_rate: float, weight_decay: float) -> Optimizer:
    return torch.optim.SGD(groups, lr=learning_rate, weight_decay=weight_decay, momentum=0.9, nesterov=True)


OPTIMIZERS: Mapping[str, Callable[[list[dict[str, Any]], float, float], Optimizer]] = {
    "adam": _adam,
    "adamw": _adamw,
    "sgd": _sgd,
}
"""``adam`` adds weight decay to the gradient, ``adamw`` decouples it, ``sgd`` has Nesterov momentum 0.9."""


def make_optimizer(name: str, groups: Groups, *, learning_rate: float, weight_decay: float = 0.0) -> Optimizer:
    """The optimiser ``name`` over ``groups``.

    Raises:
        InvalidInputError: there is no optimiser of that name.
    """
    if name not in OPTIMIZERS:
        near = difflib.get_close_matches(name, OPTIMIZERS, 1, 0)[0]
        raise InvalidInputError(f"unknown optimizer {name!r}; did you mean {near!r}?", reason=Reason.SETTINGS_INVALID)
    return OPTIMIZERS[name]([dict(group) for group in groups], learning_rate, weight_decay)
