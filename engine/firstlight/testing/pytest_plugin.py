"""The pytest plugin: fixtures with a tiny catalogue, an engine and a server. Light to import, as every pytest run does.

``firstlight_catalogue``: the catalogue and its right answers. ``firstlight_engine`` and ``firstlight_server`` start
what they name, with plugins and settings of the test's choice; both end with the test.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from firstlight.testing import RunningEngine, RunningServer, StartEngine, StartServer, TinyCatalogue
    from firstlight.testing.running import Plugin, TrainedHomes

SLOW_PLUGINS = ("factors", "sequence")
"""Built-in plugins that are left out unless a test asks for them."""

pytest.register_assert_rewrite("firstlight.testing.contracts")


@pytest.fixture(scope="session")
def firstlight_catalogue() -> TinyCatalogue:
    """80 users, 24 items, two tastes: who likes what is known by construction."""
    from firstlight.testing import TinyCatalogue  # noqa: PLC0415  # numpy and the engine

    return TinyCatalogue.make()


@pytest.fixture(scope="session")
def _firstlight_homes(tmp_path_factory: pytest.TempPathFactory) -> TrainedHomes:
    from firstlight.testing.running import TrainedHomes  # noqa: PLC0415

    return TrainedHomes(tmp_path_factory.mktemp("firstlight"))


@pytest.fixture
def firstlight_engine(_firstlight_homes: TrainedHomes) -> Iterator[StartEngine]:
    """``firstlight_engine(*plugins, settings=None)``: the tiny catalogue trained with them, answering here."""
    with ExitStack() as stack:

        def start(
            *plugins: Plugin, settings: Mapping[str, Any] | None = None, without: Sequence[str] = SLOW_PLUGINS
        ) -> RunningEngine:
            engine = _firstlight_homes.open(plugins, settings, without)
            stack.callback(engine.store.close)
            return engine

        yield start


@pytest.fixture
def firstlight_server(firstlight_engine: StartEngine) -> Iterator[StartServer]:
    """``firstlight_server(*plugins, settings=None)``: the same behind a real gRPC server, with a client of it."""
    from firstlight.testing.running import serving  # noqa: PLC0415

    with ExitStack() as stack:

        def start(
            *plugins: Plugin, settings: Mapping[str, Any] | None = None, without: Sequence[str] = SLOW_PLUGINS
        ) -> RunningServer:
            return stack.enter_context(serving(firstlight_engine(*plugins, settings=settings, without=without)))

        yield start
