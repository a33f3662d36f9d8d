"""ONNX graphs in 8 bits, by onnxruntime's own quantiser."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnxruntime import quantization

from firstlight.roles import Runner
from firstlight.runtime.providers import CPU
from firstlight.runtime.sessions import open_session

Arrays = Mapping[str, NDArray[np.generic]]


def quantize_onnx(source: Path, target: Path, examples: Sequence[Arrays]) -> Runner:
    """Write the graph at ``source`` with int8 weights and activations to ``target``, and open it on the CPU.

    Static, in the QDQ format: the scales of activations are taken from ``examples`` (named inputs), at least one, and
    do not depend on what is asked later, so that a batch and its queries one by one give the same. Weights have 7 bits
    and a scale for each output: with 8, products overflow on processors without VNNI, and answers would differ between
    machines (onnxruntime, "Quantize ONNX models", reduce_range). A graph in 8 bits stays an approximation: nothing here
    compares it to ``source``.
    """
    usual = logging.root.manager.disable
    logging.disable(logging.WARNING)  # it advises, on the root logger, to prepare graphs that are prepared
    try:
        quantization.quantize_static(
            str(source),
            str(target),
            _Examples(examples),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=["MatMul", "Gemm"],
            per_channel=True,
            reduce_range=True,
        )
    finally:
        logging.disable(usual)
    return open_session(target, providers=(CPU,))


class _Examples(quantization.CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
    """The examples, one at a time."""

    def __init__(self, examples: Sequence[Arrays]) -> None:
        self._left: Iterator[Arrays] = iter(examples)

    def get_next(self) -> dict[str, Any] | None:
        """The next example, None after the last."""
        found = next(self._left, None)
        return None if found is None else dict(found)
