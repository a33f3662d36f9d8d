"""What keeps a bad component from doing harm: its calls are guarded, timed, counted, and stopped.

Trusted components run in the caller's thread. Others run in guarded threads, within a share of what is left of the
deadline, until they have been quick and clean for long enough; one fault, or one slow call, and they are back there.
A stage of a batch that comes too late is left out, whoever's it is: at worst popularity answers alone.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field
from enum import IntEnum
from functools import partial
from typing import Any, Protocol, TypeVar

from firstlight.pipeline.model import FLOOR
from firstlight.pipeline.results import Degradation, DegradationReason
from firstlight.pipeline.stopwatch import Stopwatch
from firstlight.pipeline.threads import GuardedThreads
from firstlight.plugins import BUILT_IN_DISTRIBUTION, Plugins, named
from firstlight.settings import IsolationSettings

T = TypeVar("T")

LONGEST_PROBE_PAUSE_S = 3600.0
_SLOW = 10
"""A slow call takes back this many quick ones; this many times slower than quick, it takes back the promotion."""

_SHORTEST_WAIT_S = 0.001

_LATEST = {"generate": 0.5, "score": 0.7, "rank": 0.85, "rerank": 0.85, "explain": 0.95}
"""By operation, the share of a deadline after which it is not begun any more, but for popularity. What is not named
here, such as a filter of what may be shown, is called however late it is."""

log = logging.getLogger(__name__)


class _NotCalledError(Exception):
    """There is no time left to call it, or it still hangs in an earlier call."""


class _OverrunError(Exception):
    """It took longer than its share."""


class ComponentState(IntEnum):
    """How a component fares; ``firstlight.v1.ComponentState`` has the same names and numbers."""

    REGISTERED = 1
    INLINE = 2
    POOLED = 3
    QUARANTINED = 4
    FAILED = 5


class CountFault(Protocol):
    """``count(component, kind)``: told of every fault; ``kind`` is a name of :class:`DegradationReason`."""

    def __call__(self, component: str, kind: str, /) -> None:
        """One fault."""
        ...


def count_nothing(component: str, kind: str, /) -> None:
    """A :class:`CountFault` that counts nothing."""


@dataclass(slots=True)
class Health:
    """What is known of one component in this process."""

    trusted: bool
    inline: bool
    clean: int = 0
    """Quick calls since the last fault, less ten for each slow one."""
    faults: int = 0
    error: str = ""
    recent: deque[float] = field(default_factory=deque)
    """When the last faults were, by ``time.monotonic``."""
    operation: str = ""
    """What failed last: a probe tries that."""
    quarantined: bool = False
    probe_at: float = 0.0
    pause_s: float = 0.0
    stuck: int = 0
    proven: bool = False
    """Whether a call ever succeeded: until then one at a time, so that one that hangs holds one thread."""
    first: threading.Lock = field(default_factory=threading.Lock)

    @property
    def state(self) -> ComponentState:
        """As it is now."""
        if self.quarantined:
            return ComponentState.QUARANTINED
        return ComponentState.INLINE if self.inline else ComponentState.POOLED


class Isolation:
    """The guard of one engine's components; ``threads`` may be shared with other engines of the process."""

    def __init__(
        self,
        plugins: Plugins,
        settings: IsolationSettings | None = None,
        *,
        trusted: tuple[str, ...] = (),
        threads: GuardedThreads | None = None,
        count_fault: CountFault = count_nothing,
    ) -> None:
        self.settings = settings or IsolationSettings()
        self.threads = threads or GuardedThreads(self.settings.threads)
        self._plugins = plugins
        self._trusted = trusted
        self._count_fault = count_fault
        self._health: dict[str, Health] = {}
        self._lock = threading.Lock()

    def batch(self, absent: Mapping[str, str], *, remaining_s: float | None = None) -> Batch:
        """The guarded calls of one batch, to be answered within ``remaining_s``; None: there is time without end."""
        return Batch(self, absent, remaining_s)

    def health(self, name: str) -> Health:
        """Of a component, or of a plugin whose hooks are called."""
        found = self._health.get(name)
        if found is None:
            with self._lock:
                trusted = self._is_trusted(name)
                found = self._health.setdefault(name, Health(trusted, inline=trusted))
        return found

    def may_wait(self, names: Iterable[str]) -> bool:
        """Whether calls of ``names`` may wait for guarded threads: an event loop should not answer then."""
        return any(not self.health(name).inline for name in names)

    def observe(self, batch: Batch, hook: str, **arguments: Any) -> None:
        """Tell every observer of ``hook``; one that fails or hangs is counted, and no answer names it."""
        for implementation in self._plugins.implementations(hook):
            call = partial(self._plugins.call, hook, implementation, arguments)
            batch(implementation.plugin_name, hook, call, named=False)

    def fault(self, name: str, operation: str, kind: DegradationReason, error: BaseException) -> None:
        """Count one; too many of them within the window and the component is left out."""
        health, now = self.health(name), time.monotonic()
        with self._lock:
            health.faults += 1
            health.clean = 0
            health.inline = health.trusted
            health.error = _line(error)
            health.operation = operation
            health.recent.append(now)
            while health.recent and health.recent[0] < now - self.settings.window_s:
                health.recent.popleft()
            if len(health.recent) >= self.settings.faults and not health.quarantined and name != FLOOR:
                health.quarantined = True
                health.pause_s = self.settings.probe_after_s
                health.probe_at = now + health.pause_s
                log.error("component %s is quarantined after %d faults: %s", name, len(health.recent), error)
        self._count_fault(name, kind.name)

    def succeeded(self, name: str, taken_s: float) -> None:
        """A call was clean; enough of these that were quick, and the component needs no thread of its own."""
        health = self.health(name)
        health.proven = True
        quick_s = self.settings.promote_below_ms / 1000
        if taken_s <= quick_s:
            health.clean += 1
            if not health.inline and health.clean >= self.settings.promote_after:
                health.inline = True
                log.info("component %s answered %d times in good order: no thread from now on", name, health.clean)
        else:
            health.clean = max(0, health.clean - _SLOW)
            health.inline = health.inline and taken_s <= quick_s * _SLOW

    def probe(self, name: str, operation: str, function: Callable[[], Any]) -> None:
        """Try a quarantined component again, where it is time: nobody waits for what comes of it."""
        health, now = self.health(name), time.monotonic()
        with self._lock:
            if now < health.probe_at or operation != health.operation or health.stuck:
                return
            health.pause_s = min(LONGEST_PROBE_PAUSE_S, health.pause_s * 2)
            health.probe_at = now + health.pause_s
            health.stuck += 1  # no second probe beside it
        self.threads.submit(function).add_done_callback(lambda future: self._probed(name, future))

    def _probed(self, name: str, future: Future[Any]) -> None:
        health = self.health(name)
        error = future.exception()
        with self._lock:
            health.stuck -= 1
            if error is None:
                health.quarantined = False
                health.recent.clear()
        if error is None:
            log.warning("component %s passed a probe and takes part again", name)
        else:
            self.fault(name, health.operation, DegradationReason.COMPONENT_FAILED, error)

    def hang(self, name: str, future: Future[Any]) -> None:
        """Leave a call to itself; the component is skipped until it returns."""
        health = self.health(name)
        with self._lock:
            health.stuck += 1
        if self.threads.abandon(future):
            log.error("a call of component %s hangs; its thread is replaced (%d hang)", name, self.threads.stuck)

        def returned(_: Future[Any]) -> None:
            with self._lock:
                health.stuck -= 1

        future.add_done_callback(returned)

    def _is_trusted(self, name: str) -> bool:
        registration = self._plugins.registrations.get(name)
        plugin = registration.plugin if registration else name
        distribution = self._plugins.distribution_of(name)
        return distribution == BUILT_IN_DISTRIBUTION or named(self._trusted, plugin, distribution)


class Batch:
    """Calls of components on the way to one batch's answers: an :class:`~firstlight.plugins.Attempt`.

    A component that failed once is not called again in the same batch.
    """

    def __init__(self, isolation: Isolation, absent: Mapping[str, str], remaining_s: float | None) -> None:
        self._isolation = isolation
        self._began = time.monotonic()
        self._remaining_s = remaining_s
        self._deadline = None if remaining_s is None else self._began + remaining_s
        self._absent = absent
        self._skipped: dict[str, DegradationReason] = {}
        self.errors: dict[str, BaseException] = {}
        self.watch = Stopwatch()

    def __call__(self, component: str, operation: str, function: Callable[[], T], *, named: bool = True) -> T | None:
        """The result of ``function``; None where it failed, took too long, or ``component`` is left out.

        ``named``: whether the answer says so.
        """
        if component in self._skipped:
            return None
        health = self._isolation.health(component)
        if health.quarantined:
            self._isolation.probe(component, operation, function)
            self._skip(component, DegradationReason.COMPONENT_QUARANTINED, named)
            return None
        if component != FLOOR and self._is_late(operation):
            self._skip(component, DegradationReason.COMPONENT_TIMED_OUT, named)
            return None
        deadline = self._deadline
        began = time.perf_counter()
        try:
            if health.trusted or deadline is None:
                return function()
            timed = partial(_timed, function)
            result, taken_s = timed() if health.inline else self._in_thread(component, health, timed, deadline)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:  # whatever a plugin raises, an exit included, the others answer
            self._failed(component, operation, error, named)
            return None
        finally:
            self.watch.called(component, operation, began)
        self._isolation.succeeded(component, taken_s)
        return result

    def _is_late(self, operation: str) -> bool:
        if self._remaining_s is None or operation not in _LATEST:
            return False
        return time.monotonic() - self._began > self._remaining_s * _LATEST[operation]

    def _failed(self, component: str, operation: str, error: BaseException, named: bool) -> None:
        late = isinstance(error, (_NotCalledError, _OverrunError))
        kind = DegradationReason.COMPONENT_TIMED_OUT if late else DegradationReason.COMPONENT_FAILED
        self._skip(component, kind, named)
        if not isinstance(error, _NotCalledError):
            self.errors.setdefault(component, error)
            self._isolation.fault(component, operation, kind, error)

    @property
    def degradations(self) -> tuple[Degradation, ...]:
        """One for each component that was left out; exception texts stay in the log, as they may hold internals."""
        gone = {
            name: Degradation(DegradationReason.COMPONENT_ABSENT, name, f"component {name} {why}")
            for name, why in self._absent.items()
        }
        skipped = {name: Degradation(kind, name, _TEXTS[kind].format(name)) for name, kind in self._skipped.items()}
        return tuple((gone | skipped).values())

    def tell(self, catalog_id: str) -> None:
        """Log each error and tell observers."""
        for name, error in list(self.errors.items()):
            log.warning("component %s failed: %s", name, error, exc_info=error)
            self._isolation.observe(
                self, "firstlight_component_error", catalog_id=catalog_id, component=name, error=error
            )

    def _skip(self, component: str, kind: DegradationReason, named: bool) -> None:
        if named:
            self._skipped.setdefault(component, kind)

    def _in_thread(self, component: str, health: Health, function: Callable[[], T], deadline: float) -> T:
        settings = self._isolation.settings
        wait_s = min(settings.longest_call_s, (deadline - time.monotonic()) * settings.time_share)
        alone = not health.proven
        if wait_s < _SHORTEST_WAIT_S or (alone and not health.first.acquire(timeout=wait_s)):
            raise _NotCalledError
        try:
            if health.stuck:
                raise _NotCalledError
            future = self._isolation.threads.submit(function)
            try:
                return future.result(wait_s)
            except FutureTimeoutError as error:
                if future.done():  # the component itself raised a TimeoutError
                    raise
                self._isolation.hang(component, future)
                raise _OverrunError(f"component {component!r} did not answer within {wait_s:.3f} s") from error
        finally:
            if alone:
                health.first.release()


_TEXTS = {
    DegradationReason.COMPONENT_FAILED: "component {} failed and was left out",
    DegradationReason.COMPONENT_TIMED_OUT: "component {} did not answer in time and was left out",
    DegradationReason.COMPONENT_QUARANTINED: "component {} failed too often lately and is left out",
}


def _timed(function: Callable[[], T]) -> tuple[T, float]:
    start = time.perf_counter()
    return function(), time.perf_counter() - start


def _line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]
