"""Time and peak memory over interactions, on logarithmic axes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from growth import CURVE, curve
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from measuring import Measurement

COLOURS = ("#111827", "#2b6cb0", "#c05621", "#2f855a", "#805ad5")
LINEAR = "#a0aec0"


def draw(measured: Sequence[Measurement], file: Path) -> bool:
    """Two panels with a line a plan and step; false where nothing succeeded."""
    labels = sorted({one.plan.label for one in measured if not one.error}, key=lambda label: (label != CURVE, label))
    if not labels:
        return False
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    FigureCanvasAgg(figure)  # no display is needed
    for axes, key, name in zip(
        figure.subplots(1, 2), ("seconds", "peak_mib"), ("seconds", "peak memory, MiB"), strict=True
    ):
        for label, colour in zip(labels, COLOURS * len(labels), strict=False):
            along = curve(measured, label)
            sizes = [one.interactions for one in along]
            axes.plot(sizes, [m.train[key] for m in along], "o-", ms=4, color=colour, label=f"training, {label}")
            axes.plot(sizes, [m.import_[key] for m in along], "s:", ms=3, color=colour, label=f"import, {label}")
        _linear(axes, curve(measured, labels[0]), key)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("interactions")
        axes.set_ylabel(name)
        axes.grid(which="major", alpha=0.25)
        axes.spines[["top", "right"]].set_visible(False)
    figure.axes[0].legend(frameon=False, fontsize=8)
    figure.savefig(file, dpi=120)
    return True


def _linear(axes: Axes, along: Sequence[Measurement], key: str) -> None:
    """A line of slope 1 from the first training on."""
    first, last = along[0], along[-1]
    start = first.train[key]
    ends = [first.interactions, last.interactions]
    axes.plot(ends, [start, start * ends[1] / ends[0]], "--", color=LINEAR, linewidth=1, label="linear", zorder=0)
