"""Whether a bundle may answer: verified and rehearsed beside those that do, once on a machine."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from firstlight.bundle import is_checked, marking, verify_once
from firstlight.pipeline.engine import Engine
from firstlight.pipeline.isolation import Isolation
from firstlight.pipeline.rehearsing import rehearse
from firstlight.plugins import Plugins
from firstlight.settings import Settings


class Check(Protocol):
    """Says whether a bundle may be loaded."""

    def __call__(self, path: Path, *, rehearsed: bool) -> None:
        """Verify the bundle at ``path``; ``rehearsed``: let its components answer too.

        Raises:
            CorruptBundleError: a file is not what it should be, or a component cannot answer from it.
            PluginError: popularity cannot be loaded.
            PreconditionError: the bundle needs a text model that is not there.
        """
        ...


class CheckHere:
    """A :class:`Check` in this process."""

    def __init__(self, settings: Settings, plugins: Plugins) -> None:
        self._settings = settings
        self._plugins = plugins

    def __call__(self, path: Path, *, rehearsed: bool) -> None:
        """A bundle that was not touched since it was checked is not checked again."""
        if is_checked(path, rehearsed=rehearsed):
            return
        verify_once(path)
        if rehearsed:
            with marking(path, rehearsed=True):
                isolation = Isolation(self._plugins, self._settings.isolation, trusted=self._settings.trusted_plugins)
                rehearse(open_engine(path, self._settings, self._plugins, isolation), path, self._plugins)


def open_engine(path: Path, settings: Settings, plugins: Plugins, isolation: Isolation) -> Engine:
    """Load the bundle at ``path``, which was verified before, as a server with ``settings`` does."""
    return Engine.open(
        path,
        plugins,
        settings=settings.plugins,
        isolation=isolation,
        threads=settings.serve.threads,
        text_model=settings.train.text_model,
        route=None if settings.serve.route == "auto" else settings.serve.route,
        verify=False,
    )
