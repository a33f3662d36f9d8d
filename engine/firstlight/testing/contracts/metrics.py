"""The kit of metrics."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Histories
from firstlight.roles import Metric
from firstlight.testing.contracts.common import Contract, close, each_alone, left_alone

ITEMS = 40
PLACES = 20
TARGETS = ((1, 2, 3), (4,), (5, 6), (), (7, 8, 9, 10))
"""What was to be found in each of the kit's lists."""


class MetricContract(Contract):
    """Tests of the role ``metric``. Capability: ``targets`` (a list with all targets first is worth more than one
    with none); a metric that does not look at targets, such as one of novelty, lacks it.
    """

    capabilities: ClassVar[frozenset[str]] = frozenset({"targets"})

    def test_has_the_role(self) -> None:
        """It has the method, and says what is better."""
        metric = type(self).make()
        assert isinstance(metric, Metric)
        assert metric.higher_is_better in (True, False)

    def test_one_number_a_list(self) -> None:
        """float64 (B,), never infinite; NaN only where there is nothing to find."""
        values = self.measured(lists())
        assert values.shape == (len(TARGETS),)
        assert values.dtype.name == "float64"
        asked = [bool(row) for row in TARGETS]
        assert np.isfinite(values[asked]).all()
        assert not np.isinf(values).any()

    def test_no_lists(self) -> None:
        """An empty batch."""
        assert self.measured(lists()[:0], ()).shape == (0,)

    def test_empty_and_short_lists(self) -> None:
        """Padding alone, a single place, and no place at all."""
        for given in (np.full((len(TARGETS), PLACES), -1, np.int32), lists()[:, :1], lists()[:, :0]):
            values = self.measured(given)
            assert values.shape == (len(TARGETS),)
            assert not np.isinf(values).any()

    def test_nothing_to_find(self) -> None:
        """No targets in any row."""
        values = self.measured(lists(), ((),) * len(TARGETS))
        assert values.shape == (len(TARGETS),)
        assert not np.isinf(values).any()

    def test_batch_equals_single(self) -> None:
        """A list's value does not depend on the other lists."""
        given = np.concatenate([lists(found=True)[:3], lists()[3:]])
        together = self.measured(given)
        for row in each_alone(len(TARGETS)):
            n = int(row[0])
            close(self.measured(given[row], TARGETS[n : n + 1]), together[row])

    def test_asked_twice_it_answers_the_same(self) -> None:
        """Nothing is remembered between batches, nor left to chance."""
        metric = type(self).make()
        first = np.array(measure(metric, lists()))
        np.testing.assert_array_equal(measure(metric, lists()), first)

    def test_a_perfect_list_is_worth_more(self) -> None:
        """All targets first, beside a list without any of them, of items as popular."""
        self.need("targets")
        perfect, useless = lists(found=True), lists()
        best, worst = self.measured(perfect), self.measured(useless)
        sign = 1 if type(self).make().higher_is_better else -1
        asked = np.array([bool(row) for row in TARGETS])
        assert (sign * best[asked] > sign * worst[asked]).all(), "a list of targets is worth no more than one without"

    def test_inputs_are_left_alone(self) -> None:
        """Lists are shared with the other metrics."""
        given = lists()
        with left_alone(given):
            self.measured(given)

    def measured(self, given: NDArray[np.int32], targets: tuple[tuple[int, ...], ...] = TARGETS) -> NDArray[np.float64]:
        """The values of ``given`` by a new metric."""
        return measure(type(self).make(), given, targets)


def lists(*, found: bool = False) -> NDArray[np.int32]:
    """int32 (5, 20): items of no target; where ``found``, all targets first."""
    rows = np.tile(np.arange(PLACES, 2 * PLACES, dtype=np.int32), (len(TARGETS), 1))
    if found:
        for row, targets in zip(rows, TARGETS, strict=True):
            row[: len(targets)] = targets
    return rows


def measure(
    metric: Any, given: NDArray[np.int32], targets: tuple[tuple[int, ...], ...] = TARGETS
) -> NDArray[np.float64]:
    """The values of ``given`` in a catalogue where every item has been met as often, but the last, a new one."""
    counts = np.full(ITEMS, 9, np.int32)
    counts[-1] = 0
    values: NDArray[np.float64] = metric.measure(given, Histories.from_rows(targets), counts)
    return values
