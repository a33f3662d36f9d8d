"""The encoder as an ONNX graph: its inputs, inputs to prove it with, and its form in 8 bits."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstlight import PluginError, Runner
from firstlight.learning import TorchRunner, quantize_onnx, verify_export
from firstlight_plugins.student.encoding import Inputs

_TOKENS = {0: "batch", 1: "history"}
_DYNAMIC = {"codes": _TOKENS, "values": _TOKENS, "lengths": {0: "batch"}, "profile": {0: "batch"}, "types": _TOKENS}


def export(encoder: Runner, path: Path, *, width: int, profile_columns: int, types: int) -> None:
    """Write the encoder to ``path``, and prove that onnxruntime computes what torch does.

    Raises:
        CorruptBundleError: it does not (PARITY_FAILED).
        PluginError: the component was loaded: a graph cannot be traced again.
    """
    if not isinstance(encoder, TorchRunner):
        raise PluginError("component 'student' was loaded from a bundle; only where it was fitted can it be exported")
    rng = np.random.default_rng(0)

    def users(batch: int) -> dict[str, NDArray[np.generic]]:
        """Histories of 0 to ``length`` items, the first of them empty, one value in four missing."""
        length = 1 if batch == 1 else 5
        lengths = np.arange(batch) % (length + 1)
        mask = np.arange(length) < lengths[:, None]
        values = np.where(mask & (rng.random(mask.shape) < 0.75), rng.uniform(0, 6, mask.shape), np.nan)
        codes = rng.standard_normal((batch, length, width), np.float32) / np.float32(width**0.5)
        given = {
            "codes": codes * mask[..., None],
            "values": values.astype(np.float32),
            "lengths": lengths[:, None].astype(np.float32),
            "profile": (rng.random((batch, profile_columns)) < 0.2).astype(np.float32),
            "types": rng.integers(0, types, (batch, length)),
        }
        return {name: given[name] for name in encoder.inputs}

    verify_export(encoder, path, users, {name: _DYNAMIC[name] for name in encoder.inputs})


def quantised(
    encoder: TorchRunner, examples: Sequence[Inputs], *, width: int, profile_columns: int, types: int
) -> tuple[Runner, bytes]:
    """The encoder with matrices and activations in 8 bits, as a session and as the bytes of its graph.

    ``examples``: inputs whose range the activations' scales are taken from.
    """
    with tempfile.TemporaryDirectory() as directory:
        whole, small = Path(directory, "whole.onnx"), Path(directory, "small.onnx")
        export(encoder, whole, width=width, profile_columns=profile_columns, types=types)
        return quantize_onnx(whole, small, examples), small.read_bytes()
