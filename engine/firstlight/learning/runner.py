"""A torch module with the face of an onnxruntime session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn


class TorchRunner:
    """A :class:`firstlight.roles.Runner` over ``module``, which is put into evaluation mode.

    ``inputs`` and ``outputs`` name the module's positional arguments and what it returns.
    """

    def __init__(self, module: nn.Module, inputs: Sequence[str], outputs: Sequence[str]) -> None:
        self.module = module.eval()
        self.inputs = tuple(inputs)
        self.outputs = tuple(outputs)
        tensor = next(iter(module.parameters()), None)
        self._device = torch.device("cpu") if tensor is None else tensor.device

    def run(self, inputs: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.float32]]:
        """All outputs by name."""
        with torch.inference_mode():
            found = self.module(*(torch.tensor(inputs[name], device=self._device) for name in self.inputs))
        found = found if isinstance(found, tuple) else (found,)
        return {name: value.cpu().numpy() for name, value in zip(self.outputs, found, strict=True)}
