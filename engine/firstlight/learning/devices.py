"""Where torch trains, and how a run is made repeatable."""

from __future__ import annotations

import gc
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

from firstlight.errors import InvalidInputError, PreconditionError, Reason

log = logging.getLogger(__name__)
T = TypeVar("T")


def choose_device(name: str = "auto") -> torch.device:
    """``auto`` is CUDA where there is a device, else the CPU.

    Raises:
        InvalidInputError: ``name`` is none of auto, cpu, cuda.
        PreconditionError: ``cuda`` is asked for and there is no device.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise InvalidInputError(f"unknown device {name!r}; use auto, cpu or cuda", reason=Reason.SETTINGS_INVALID)
    if name == "cpu":
        return torch.device("cpu")
    if torch.cuda.is_available():
        return torch.device("cuda")
    if name == "cuda":
        raise PreconditionError("there is no CUDA device; use --device cpu or auto", reason=Reason.SETTINGS_INVALID)
    return torch.device("cpu")


def with_fallback(device: torch.device, work: Callable[[torch.device], T]) -> T:
    """``work(device)``; where the device runs out of memory, ``work`` again from the start on the CPU."""
    try:
        return work(device)
    except torch.OutOfMemoryError:
        if device.type == "cpu":
            raise
        log.warning("out of memory on %s: training starts again on the CPU", device)
    # Outside the handler, whose traceback would keep the failed run's tensors alive.
    release_memory()
    return work(torch.device("cpu"))


def release_memory() -> None:
    """Give cached device memory back."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


@contextmanager
def deterministic(seed: int) -> Iterator[None]:
    """Inside, torch is seeded and uses deterministic algorithms; the caller's random state and choice come back after.

    One seed, machine, device and thread count: the same weights.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    was, warn_only = torch.are_deterministic_algorithms_enabled(), torch.is_deterministic_algorithms_warn_only_enabled()
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(seed)
        torch.use_deterministic_algorithms(True)
        try:
            yield
        finally:
            torch.use_deterministic_algorithms(was, warn_only=warn_only)


@contextmanager
def cpu_threads(count: int | None) -> Iterator[None]:
    """Inside, torch uses ``count`` CPU threads for an operation; None leaves it alone."""
    was = torch.get_num_threads()
    torch.set_num_threads(was if count is None else min(count, was))
    try:
        yield
    finally:
        torch.set_num_threads(was)
