"""torch to ONNX, and the proof that both say the same."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from firstlight.errors import CorruptBundleError, Reason
from firstlight.learning.runner import TorchRunner
from firstlight.roles import Runner
from firstlight.runtime.providers import CPU
from firstlight.runtime.sessions import open_session

Arrays = Mapping[str, NDArray[np.generic]]
Dynamic = Mapping[str, Mapping[int, str]]
"""For each input, the axes whose length may change, by name: ``{"content": {0: "items"}}``."""

TOLERANCE = 1e-5
"""Largest absolute or relative difference between torch and onnxruntime, both in float32."""

PARITY_BATCHES = (1, 7, 64)
EXTERNAL_BYTES = 1_000_000
"""Weights of a larger model are stored beside the graph, where processes can share them."""


def export_onnx(runner: TorchRunner, path: Path, example: Arrays, dynamic: Dynamic) -> None:
    """Write ``runner``'s module to ``path`` (``<name>.onnx``) with ``torch.onnx.export(dynamo=True)``, silently.

    ``example``: inputs to trace with; an axis in ``dynamic`` must be longer than 1 in it, or it would be frozen.
    Weights above 1 MB in all go to ``<name>.onnx.data``.
    """
    axes = {axis: torch.export.Dim(axis) for named in dynamic.values() for axis in named.values()}
    shapes = tuple({n: axes[axis] for n, axis in dynamic.get(name, {}).items()} for name in runner.inputs)
    module = runner.module
    device = next((p.device for p in module.parameters()), torch.device("cpu"))
    weights = sum(t.numel() * t.element_size() for t in module.state_dict().values())
    with _silence():
        program = torch.onnx.export(
            module.to("cpu"),
            tuple(torch.tensor(example[name]) for name in runner.inputs),
            dynamo=True,
            input_names=list(runner.inputs),
            output_names=list(runner.outputs),
            dynamic_shapes=shapes,
            verbose=False,
        )
        module.to(device)
        if program is None:
            raise RuntimeError(f"torch exported nothing for {path.name}")
        program.save(str(path), external_data=weights > EXTERNAL_BYTES)


def check_parity(
    expected: Runner,
    exported: Runner,
    make_inputs: Callable[[int], Arrays],
    *,
    name: str,
    batches: Sequence[int] = PARITY_BATCHES,
    tolerance: float = TOLERANCE,
) -> float:
    """The largest difference between two runners over ``make_inputs(batch)`` for each of ``batches``.

    ``make_inputs`` should put an empty history into every batch: that is where masked models break.

    Raises:
        CorruptBundleError: outputs differ by more than ``tolerance`` (absolute or relative), in shape, or are not
            finite (reason PARITY_FAILED).
    """
    worst = 0.0
    for batch in batches:
        inputs = make_inputs(batch)
        wanted, found = expected.run(inputs), exported.run(inputs)
        for output, value in wanted.items():
            other = found.get(output)
            if other is None or other.shape != value.shape:
                raise _differs(
                    name, output, batch, f"shape {None if other is None else other.shape}, not {value.shape}"
                )
            if not np.isfinite(value).all():
                raise _differs(name, output, batch, "torch's own numbers are not finite")
            if not np.allclose(other, value, rtol=tolerance, atol=tolerance, equal_nan=False):
                raise _differs(name, output, batch, f"largest difference {np.abs(other - value).max(initial=0):.3g}")
            worst = max(worst, float(np.abs(other - value).max(initial=0)))
    return worst


def verify_export(
    runner: TorchRunner, path: Path, make_inputs: Callable[[int], Arrays], dynamic: Dynamic, *, example: int = 3
) -> float:
    """:func:`export_onnx` with ``make_inputs(example)``, then :func:`check_parity` against onnxruntime on the CPU.

    The graph is what is proved, so the arithmetic of one device does not blur it.
    """
    export_onnx(runner, path, make_inputs(example), dynamic)
    return check_parity(runner, open_session(path, providers=(CPU,)), make_inputs, name=path.name)


def _differs(name: str, output: str, batch: int, what: str) -> CorruptBundleError:
    return CorruptBundleError(
        f"{name}: output {output!r} of the exported model differs from torch at batch {batch}: {what}",
        reason=Reason.PARITY_FAILED,
    )


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """torch's exporter warns about its own internals and prints; none of it is news to whoever trains."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
