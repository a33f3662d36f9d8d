"""Tests that need a CUDA device; without one they are skipped, saying so."""

import pytest
import torch

from firstlight.runtime.providers import CUDA, process_providers


def pytest_collection_modifyitems(items):
    here = [item for item in items if item.path.parent.name == "gpu"]
    if not here:
        return
    reason = ""
    if not torch.cuda.is_available():
        reason = "torch finds no CUDA device"
    elif CUDA not in process_providers():
        reason = "onnxruntime finds no CUDA device"
    for item in here:
        item.add_marker(pytest.mark.gpu)
        if reason:
            item.add_marker(pytest.mark.skip(reason=reason))
