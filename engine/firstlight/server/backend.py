"""What the services of one worker share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from firstlight.errors import PreconditionError, Reason
from firstlight.pipeline import Recommender
from firstlight.plugins import Plugins, load_plugins
from firstlight.server.fence import Fence
from firstlight.server.follower import Follower
from firstlight.server.helper import BundleHelper
from firstlight.server.metrics import PrometheusMeter
from firstlight.server.writer import Writer
from firstlight.settings import Settings
from firstlight.store import InteractionWrite, Store, WriteResult, open_store

if TYPE_CHECKING:
    from firstlight.server.tracing import Tracing

P = ParamSpec("P")
T = TypeVar("T")

STORE_THREADS = 4
ANSWER_THREADS = 4
"""For answers that may wait for a component that is not trusted."""


def _nobody_asks() -> None:
    pass


class Backend:
    """The store, the recommender that follows it, and the threads that wait for SQL. Made in a running event loop."""

    def __init__(
        self,
        settings: Settings,
        *,
        store: Store,
        plugins: Plugins,
        tracing: Tracing | None = None,
        helper: BundleHelper | None = None,
    ) -> None:
        """``helper``: checks bundles in a process of its own; None: they are checked in this one."""
        self.settings = settings
        self.tracing = tracing
        self.store = store
        self.plugins = plugins
        self.helper = helper
        self.meter = PrometheusMeter()
        self.recommender = Recommender(store, settings, plugins, meter=self.meter, check=helper)
        self.fence = Fence(settings.serve)
        self.draining = asyncio.Event()
        self.progressed: Callable[[], None] = _nobody_asks
        """Called after each answer that the event loop's thread computed: many in a row are no hang."""
        self.executor = ThreadPoolExecutor(STORE_THREADS, thread_name_prefix="firstlight-store")
        self.answerers = ThreadPoolExecutor(ANSWER_THREADS, thread_name_prefix="firstlight-answer")
        self.writer = Writer(store)
        # A thread of its own: what readers wait for must not keep changes from them.
        self.following = ThreadPoolExecutor(1, thread_name_prefix="firstlight-follower")
        self.follower = Follower(self.recommender, store, self.following, interval_s=settings.serve.poll_interval_s)

    @classmethod
    def open(cls, settings: Settings) -> Backend:
        """A backend with its own store and plugins, and a helper.

        Raises:
            PreconditionError: EXTRA_NOT_INSTALLED: traces are asked for.
        """
        tracing = _tracing() if settings.serve.traces == "otlp" else None
        plugins, helper = load_plugins(settings.plugin_rules), BundleHelper(settings)
        return cls(settings, store=open_store(settings), plugins=plugins, tracing=tracing, helper=helper)

    async def blocking(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a call that waits for SQL or for files."""
        return await _run(self.executor, partial(function, *args, **kwargs))

    async def answering(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a call that may wait for a component."""
        return await _run(self.answerers, partial(function, *args, **kwargs))

    def observe(self, hook: str, **arguments: Any) -> None:
        """Tell observers of ``hook``, and wait for none of them."""
        if self.plugins.implementations(hook):
            self.answerers.submit(self.recommender.observe, hook, **arguments)

    async def writing(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """The result of a call that writes; the follower looks for the change at once."""
        result = await self.writer.run(function, *args, **kwargs)
        self.follower.wake()
        return result

    async def writing_interactions(self, write: InteractionWrite) -> WriteResult:
        """Write interactions; the next answer of this worker to one of their users knows of them."""
        result = await self.writer.interactions(write)
        self.recommender.forget_users(write.catalog_id, {one.user_id for one in write.batch})
        self.follower.wake()
        return result

    async def close(self) -> None:
        """Stop following, close the store, and export the last traces."""
        if self.helper is not None:
            self.helper.stop()
        await self.follower.stop()
        self.writer.close()
        self.following.shutdown(cancel_futures=True)
        self.executor.shutdown(cancel_futures=True)
        self.answerers.shutdown(cancel_futures=True)
        self.store.close()
        if self.tracing:
            self.tracing.close()


def _tracing() -> Tracing:
    try:
        from firstlight.server.tracing import Tracing  # noqa: PLC0415  # of an extra
    except ModuleNotFoundError as error:
        raise PreconditionError(
            "traces need OpenTelemetry: pip install 'firstlight[otel]'", reason=Reason.EXTRA_NOT_INSTALLED
        ) from error
    return Tracing.to_collector()


async def _run(executor: Executor, function: Callable[[], T]) -> T:
    """What ``function`` returns in a thread, where the log still knows of which call it tells."""
    return await asyncio.get_running_loop().run_in_executor(executor, copy_context().run, function)
