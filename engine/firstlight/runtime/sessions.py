"""ONNX models: one session a file, on CUDA while its memory lasts, else on CPU."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from firstlight.errors import CorruptBundleError
from firstlight.runtime.providers import CPU, CUDA, process_providers

log = logging.getLogger(__name__)

OpenSession = Callable[[Path, Sequence[str]], Any]
"""``(path, providers)`` to something with onnxruntime's ``run``, ``get_inputs``, ``get_outputs``, ``get_providers``."""

_PROVIDER_OPTIONS = {CUDA: {"use_tf32": "0"}}
"""Whole float32 products: with TF32, the default, a device's scores stray by 1e-3 from those that were trained."""

_OUT_OF_MEMORY = ("out of memory", "failed to allocate memory", "cuda_error_out_of_memory", "cudnn_status_alloc_failed")


class SessionRunner:
    """Runs one ONNX model; safe to call from several threads.

    When the device runs out of memory, the model moves to CPU for good and the same call is answered there.
    """

    def __init__(self, path: Path, providers: Sequence[str], open_session: OpenSession) -> None:
        self._path = path
        self._open = open_session
        self._lock = threading.Lock()
        try:
            self._session = open_session(path, providers)
        except Exception as error:
            if CUDA not in providers or not _out_of_memory(error):
                raise
            self._session = self._fall_back()
        self._outputs = [output.name for output in self._session.get_outputs()]
        self.inputs = tuple(given.name for given in self._session.get_inputs())

    @property
    def provider(self) -> str:
        """The execution provider in use."""
        return str(self._session.get_providers()[0])

    def run(self, inputs: Mapping[str, NDArray[np.generic]]) -> dict[str, NDArray[np.float32]]:
        """All outputs by name."""
        session = self._session
        try:
            found = session.run(self._outputs, dict(inputs))
        except Exception as error:
            if session.get_providers()[0] == CPU or not _out_of_memory(error):
                raise
            with self._lock:
                if self._session is session:
                    self._session = self._fall_back()
            found = self._session.run(self._outputs, dict(inputs))
        return dict(zip(self._outputs, found, strict=True))

    def _fall_back(self) -> Any:
        log.warning("no device memory for %s: it runs on CPU from now on", self._path.name)
        return self._open(self._path, (CPU,))


def open_session(path: Path, *, threads: int = 1, providers: Sequence[str] | None = None) -> SessionRunner:
    """A runner for the ONNX model at ``path``; ``threads`` bounds the CPU threads of one call.

    Raises:
        CorruptBundleError: the file is no model onnxruntime can read.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3

    def start(model: Path, chosen: Sequence[str]) -> Any:
        configured = [(name, _PROVIDER_OPTIONS.get(name, {})) for name in chosen]
        return onnxruntime.InferenceSession(str(model), options, providers=configured)

    try:
        return SessionRunner(path, providers or process_providers(), start)
    except Exception as error:
        if _out_of_memory(error):
            raise
        raise CorruptBundleError(f"{path.name} cannot be opened as an ONNX model") from error  # its text names paths


def _out_of_memory(error: Exception) -> bool:
    return any(sign in str(error).lower() for sign in _OUT_OF_MEMORY)
