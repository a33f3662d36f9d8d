"""The toolkit plugins train with, and the one home of torch: loops, losses, devices, ONNX export and its parity.

A public door, like ``firstlight`` itself. Names load on first use, so that a plugin that trains without torch does not
pay for it. Nothing that serves imports this package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from firstlight.learning.devices import choose_device, cpu_threads, deterministic, with_fallback
    from firstlight.learning.export import Dynamic, check_parity, export_onnx, verify_export
    from firstlight.learning.heldout import (
        HeldOut,
        best_columns,
        held_out,
        ideal_dcg,
        ndcg,
        ndcg_of_columns,
        pool_sizes,
    )
    from firstlight.learning.loop import EarlyStopping, TrainingRecord, train
    from firstlight.learning.losses import multinomial_cross_entropy, sampled_softmax, squared_error
    from firstlight.learning.optimizers import OPTIMIZERS, make_optimizer
    from firstlight.learning.quantize import quantize_onnx
    from firstlight.learning.runner import TorchRunner
    from firstlight.learning.spectral import content_codes, item_codes
    from firstlight.learning.votes import place_weights
    from firstlight.learning.walking import walk

_HOMES = {
    "devices": ("choose_device", "cpu_threads", "deterministic", "with_fallback"),
    "export": ("Dynamic", "check_parity", "export_onnx", "verify_export"),
    "heldout": ("HeldOut", "best_columns", "held_out", "ideal_dcg", "ndcg", "ndcg_of_columns", "pool_sizes"),
    "loop": ("EarlyStopping", "TrainingRecord", "train"),
    "losses": ("multinomial_cross_entropy", "sampled_softmax", "squared_error"),
    "optimizers": ("OPTIMIZERS", "make_optimizer"),
    "quantize": ("quantize_onnx",),
    "runner": ("TorchRunner",),
    "spectral": ("content_codes", "item_codes"),
    "votes": ("place_weights",),
    "walking": ("walk",),
}
_HOME_OF = {name: f"{__name__}.{module}" for module, names in _HOMES.items() for name in names}

__all__ = [  # noqa: RUF022  # grouped by module, as above
    "choose_device", "cpu_threads", "deterministic", "with_fallback",
    "Dynamic", "check_parity", "export_onnx", "verify_export",
    "HeldOut", "best_columns", "held_out", "ideal_dcg", "ndcg", "ndcg_of_columns", "pool_sizes",
    "EarlyStopping", "TrainingRecord", "train",
    "multinomial_cross_entropy", "sampled_softmax", "squared_error",
    "OPTIMIZERS", "make_optimizer",
    "quantize_onnx",
    "TorchRunner",
    "content_codes", "item_codes",
    "place_weights",
    "walk",
]  # fmt: skip


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return __all__
