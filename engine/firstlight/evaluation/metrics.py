"""Metrics that plugins register: asked about every list, and left out as a whole once they fail."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from firstlight.domain import Histories
from firstlight.errors import InvalidInputError, PluginError
from firstlight.plugins import Plugins
from firstlight.roles import Metric
from firstlight.training.metrics import Array

log = logging.getLogger(__name__)


@dataclass(slots=True)
class PluggedMetrics:
    """Metrics by the name they were registered under; ``higher_is_better`` of each; why those ``failed`` that did."""

    metrics: dict[str, Metric] = field(default_factory=dict)
    higher_is_better: dict[str, bool] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, plugins: Plugins, settings: Mapping[str, Mapping[str, Any]]) -> Self:
        """Every registered metric with its settings, the tables ``[plugins.<metric>]``.

        Raises:
            InvalidInputError: SETTINGS_INVALID: a setting cannot be used; told before the long work, not after it.
            PluginError: a metric cannot be made, and ``plugins`` are strict.
        """
        found = cls()
        for registration in plugins.of_role("metric"):
            try:
                metric = registration.create(settings.get(registration.name))
                found.higher_is_better[registration.name] = bool(metric.higher_is_better)
            except InvalidInputError:
                raise
            except Exception as error:  # whatever a plugin raises, the others are reported
                if plugins.strict:
                    raise PluginError(f"metric {registration.name!r} cannot be used: {error}") from error
                found.leave_out(registration.name, error)
            else:
                found.metrics[registration.name] = metric
        return found

    def measure(self, lists: NDArray[np.int32], targets: Histories, counts: NDArray[np.int32]) -> dict[str, Array]:
        """float64 (B,) of each metric that has not failed; shapes as in :class:`firstlight.roles.Metric`."""
        fixed = _fixed(lists), _fixed_histories(targets), _fixed(counts)
        values = {}
        for name, metric in list(self.metrics.items()):
            try:
                values[name] = _checked(metric.measure(*fixed), len(lists))
            except Exception as error:  # whatever a plugin raises, the others are reported
                self.leave_out(name, error)
        return values

    def leave_out(self, name: str, error: Exception) -> None:
        """Ask metric ``name`` no more: half of its numbers would say less than none."""
        log.warning("metric %s failed and is left out of the evaluation: %s", name, error, exc_info=error)
        self.metrics.pop(name, None)
        self.higher_is_better.pop(name, None)
        self.failed[name] = " ".join(f"{type(error).__name__}: {error}".split())


def _checked(found: Any, rows: int) -> Array:
    values = np.asarray(found)
    if values.shape != (rows,) or not (np.issubdtype(values.dtype, np.number) or values.dtype == np.bool_):
        raise PluginError(f"it answered {values.dtype} {values.shape} for {rows} lists")
    values = values.astype(np.float64)
    if np.isinf(values).any():
        raise PluginError("it answered an infinite number")
    return values


def _fixed(array: Any) -> Any:
    """A view that nobody can write to: the same lists are asked about again."""
    view = array.view()
    view.flags.writeable = False
    return view


def _fixed_histories(histories: Histories) -> Histories:
    return Histories(
        _fixed(histories.offsets),
        _fixed(histories.items),
        _fixed(histories.values),
        _fixed(histories.types),
        _fixed(histories.times),
    )
