"""Stages that were timed, and what a scrape is told of them."""

from collections.abc import Callable

import pytest
from prometheus_client import REGISTRY

from firstlight.server.stages import BOUNDS_S, StageTimes

STAGE, COMPONENT = "firstlight_stage_duration_seconds", "firstlight_component_duration_seconds"


@pytest.fixture
def since() -> Callable[..., float]:
    """The growth of a sample since it was first asked for."""
    before: dict[tuple[str, str], float] = {}

    def grown(name: str, **labels: str) -> float:
        found = REGISTRY.get_sample_value(name, labels) or 0.0
        return found - before.setdefault((name, str(labels)), found)

    return grown


def test_nothing_is_told_before_the_flush_and_everything_once_after_it(since: Callable[..., float]) -> None:
    times = StageTimes()
    for name, labels in ((STAGE, {"stage": "rank"}), (COMPONENT, {"component": "ease", "operation": "score"})):
        assert since(f"{name}_count", **labels) == since(f"{name}_sum", **labels) == 0
    for _ in range(2):
        times.add([("rank", "", 10.0, 10.002), ("score", "ease", 10.0, 10.5)])
    assert since(f"{STAGE}_count", stage="rank") == 0
    times.flush()
    times.flush()
    assert since(f"{STAGE}_count", stage="rank") == 2
    assert since(f"{STAGE}_sum", stage="rank") == pytest.approx(0.004)
    assert since(f"{COMPONENT}_count", component="ease", operation="score") == 2
    assert since(f"{COMPONENT}_sum", component="ease", operation="score") == pytest.approx(1.0)
    assert REGISTRY.get_sample_value(f"{STAGE}_count", {"stage": "score"}) is None, "a call within a stage is no stage"


@pytest.mark.parametrize("bound", BOUNDS_S)
def test_a_bound_belongs_to_what_it_bounds(bound: float, since: Callable[..., float]) -> None:
    times = StageTimes()

    def within(limit: float) -> float:
        return since(f"{STAGE}_bucket", stage="bounds", le=str(limit))

    below = max([0.0, *(each for each in BOUNDS_S if each < bound)])
    assert within(bound) == within(below) == 0
    times.add([("bounds", "", 0.0, bound)])
    times.flush()
    assert within(bound) == 1
    assert within(below) == 0


def test_what_is_above_every_bound_is_counted(since: Callable[..., float]) -> None:
    times = StageTimes()
    labels = {"stage": "endless"}
    assert since(f"{STAGE}_bucket", le="+Inf", **labels) == 0
    times.add([("endless", "", 0.0, BOUNDS_S[-1] * 2)])
    times.flush()
    assert since(f"{STAGE}_bucket", le="+Inf", **labels) == 1
    assert REGISTRY.get_sample_value(f"{STAGE}_bucket", {"le": str(BOUNDS_S[-1]), **labels}) == 0
