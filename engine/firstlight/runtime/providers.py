"""Where models run: CUDA where there is a device, else CPU. Asked once, without torch and without noise in the log."""

from __future__ import annotations

import ctypes
import logging
from collections.abc import Callable, Sequence
from functools import cache

import onnxruntime

CPU = "CPUExecutionProvider"
CUDA = "CUDAExecutionProvider"

log = logging.getLogger(__name__)


def cuda_devices() -> int:
    """CUDA devices the NVIDIA driver offers; 0 where there is no driver."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value


def choose_providers(
    *, available: Sequence[str] | None = None, devices: Callable[[], int] = cuda_devices
) -> tuple[str, ...]:
    """onnxruntime's providers in order of preference, CPU last.

    ``available``: what this build of onnxruntime has; ``devices`` counts CUDA devices and is asked only where the
    build could use one.
    """
    built = onnxruntime.get_available_providers() if available is None else available
    return (CUDA, CPU) if CUDA in built and devices() > 0 else (CPU,)


@cache
def process_providers() -> tuple[str, ...]:
    """:func:`choose_providers`, decided once a process; loads the CUDA libraries where they are needed."""
    chosen = choose_providers()
    if CUDA in chosen:
        onnxruntime.preload_dlls()
    log.info("models run on %s", chosen[0])
    return chosen
