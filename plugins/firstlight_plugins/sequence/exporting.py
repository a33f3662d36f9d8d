"""The user encoder as an ONNX graph: its inputs, and inputs to prove it with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firstlight import PluginError, Runner
from firstlight.learning import TorchRunner, verify_export

INPUTS = ("codes", "features", "types", "mask", "profile")
OUTPUTS = ("state",)


def export(encoder: Runner, path: Path, *, width: int, features: int, profile_columns: int, types: int) -> None:
    """Write the encoder to ``path``, and prove that onnxruntime computes what torch does.

    Raises:
        CorruptBundleError: it does not (PARITY_FAILED).
        PluginError: the component was loaded: a graph cannot be traced again.
    """
    if not isinstance(encoder, TorchRunner):
        raise PluginError("component 'sequence' was loaded from a bundle; only where it was fitted can it be exported")
    rng = np.random.default_rng(0)

    def users(batch: int) -> dict[str, NDArray[np.generic]]:
        """Histories of 0 to ``length`` tokens, the first of them empty, with codes about as long as real ones."""
        length = 1 if batch == 1 else 5
        mask = (np.arange(length) < np.arange(batch)[:, None] % (length + 1)).astype(np.float32)
        return {
            "codes": rng.standard_normal((batch, length, width), np.float32) * mask[..., None] / np.float32(width**0.5),
            "features": rng.standard_normal((batch, length, features), np.float32) * mask[..., None],
            "types": rng.integers(0, types, (batch, length)),
            "mask": mask,
            "profile": (rng.random((batch, profile_columns)) < 0.2).astype(np.float32),
        }

    tokens = {0: "batch", 1: "history"}
    dynamic = {"codes": tokens, "features": tokens, "types": tokens, "mask": tokens, "profile": {0: "batch"}}
    verify_export(encoder, path, users, dynamic)
