"""Threads that may hang: a call that overruns its time is abandoned and its thread replaced."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, TypeVar

T = TypeVar("T")


class GuardedThreads:
    """At most ``size`` threads at work, and any number that hang.

    Unlike those of ``concurrent.futures`` they are daemons: one that never returns does not keep the process alive.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._waiting: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._started = 0
        self._running: set[Future[Any]] = set()
        self._stuck: set[Future[Any]] = set()

    @property
    def stuck(self) -> int:
        """Threads whose call was abandoned and has not returned."""
        return len(self._stuck)

    def submit(self, function: Callable[[], T]) -> Future[T]:
        """The future of ``function``'s result."""
        future: Future[T] = Future()
        self._fill()
        self._waiting.put((future, function))
        return future

    def abandon(self, future: Future[Any]) -> bool:
        """Stop waiting for ``future``; whether its thread hangs, which has then been replaced."""
        if future.cancel():
            return False
        with self._lock:
            if future not in self._running:
                return False
            self._stuck.add(future)
        self._fill()
        return True

    def close(self) -> None:
        """Let threads that do not hang end."""
        for _ in range(self._started):
            self._waiting.put(None)

    def _fill(self) -> None:
        """One more thread, unless there are enough that do not hang."""
        with self._lock:
            if self._started - len(self._stuck) < self._size:
                self._started += 1
                threading.Thread(target=self._work, name="firstlight-guarded", daemon=True).start()

    def _work(self) -> None:
        while (job := self._waiting.get()) is not None:
            future, function = job
            if future.set_running_or_notify_cancel():
                with self._lock:
                    self._running.add(future)
                try:
                    result = function()
                except BaseException as error:  # SystemExit from a plugin, too, is only its own failure
                    self._finish(future)
                    future.set_exception(error)
                else:
                    self._finish(future)
                    future.set_result(result)
            with self._lock:
                if self._started - len(self._stuck) > self._size:  # it hung, and its successor is at work
                    self._started -= 1
                    return

    def _finish(self, future: Future[Any]) -> None:
        with self._lock:
            self._running.discard(future)
            self._stuck.discard(future)
