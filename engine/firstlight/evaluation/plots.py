"""The report's plots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from firstlight.evaluation.measuring import PLAIN
from firstlight.evaluation.protocols import NEW_USER
from firstlight.evaluation.results import EvaluationResult, Row
from firstlight.evaluation.space import OTHER
from firstlight.pipeline.routes import FAST
from firstlight.training.problems import FUSION

COLOURS = ("#2b6cb0", "#c05621", "#2f855a", "#805ad5", "#b7791f", "#319795", "#97266d", "#4a5568")
FUSION_COLOUR, PLAIN_COLOUR = "#111827", "#a0aec0"
PANELS_ACROSS = 3
MOST_ATTRIBUTES = 12
"""Attributes drawn in a panel, those worth most."""


def draw_all(result: EvaluationResult, directory: Path) -> dict[str, str]:
    """Draw what there is data for as PNG files in ``directory``; file names by plot."""
    drawn = {}
    for name, draw in PICTURES.items():
        figure = draw(result)
        if figure is not None:
            FigureCanvasAgg(figure)  # no display is needed
            figure.savefig(directory / f"{name}.png", dpi=120)
            drawn[name] = f"{name}.png"
    return drawn


def coldness(result: EvaluationResult) -> Figure | None:
    """Quality by number of interactions, a line a strategy; the band is the fusion's interval."""
    rows = [row for row in result.rows if row.slice_name == NEW_USER]
    if not rows:
        return None
    figure, axes = _figure("interactions of the new user", "NDCG@10")
    strategies, shown = _strategies(rows), _evidence(axes, rows)
    for strategy in strategies:
        line = _line(rows, strategy)
        places, values = [shown.index(_shown(r)) for r in line], [r.ndcg for r in line]
        axes.plot(places, values, marker="o", ms=4, **_style(strategy, strategies))
        if strategy == FUSION:
            low, high = zip(*[r.ndcg_interval for r in line], strict=True)
            axes.fill_between(places, low, high, color=FUSION_COLOUR, alpha=0.08, linewidth=0)
    _legend(axes)
    return figure


def coverage(result: EvaluationResult) -> Figure | None:
    """How much of the catalogue anybody is shown, by number of interactions."""
    rows = [row for row in result.rows if row.slice_name == NEW_USER]
    if not rows:
        return None
    figure, axes = _figure("interactions of the new user", "share of the catalogue in any top 10")
    strategies, shown = _strategies(rows), _evidence(axes, rows)
    for strategy in strategies:
        line = _line(rows, strategy)
        places = [shown.index(_shown(r)) for r in line]
        axes.plot(places, [r.coverage for r in line], marker="o", ms=4, **_style(strategy, strategies))
    axes.set_ylim(bottom=0)
    _legend(axes)
    return figure


def weights(result: EvaluationResult) -> Figure | None:
    """The fusion's weights of warm items, and of new ones, stacked."""
    learnt = result.weights
    if not {"names", "knots", "weight"} <= set(learnt):
        return None
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    colours = [_style(name, learnt["names"])["color"] for name in learnt["names"]]
    places = range(len(learnt["knots"]))
    for n, title in enumerate(("items with interactions", "new items")):
        axes = figure.add_subplot(1, 2, n + 1)
        shares = list(zip(*learnt["weight"][n], strict=True))
        bottom = [0.0] * len(learnt["knots"])
        for name, colour, share in zip(learnt["names"], colours, shares, strict=True):
            axes.bar(places, share, bottom=bottom, label=name, color=colour, width=0.8)
            bottom = [b + s for b, s in zip(bottom, share, strict=True)]
        axes.set_xticks(list(places), [f"{k:g}" for k in learnt["knots"]])
        _finish(axes, "interactions", "weight")
        axes.set_title(title, fontsize=10)
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=9)
    return figure


def loss(result: EvaluationResult) -> Figure | None:
    """Training curves by epoch, a panel a component: losses of different models have no common scale."""
    panels: dict[str, dict[str, Sequence[float]]] = {}
    for name, values in result.losses.items():
        component, _, curve = name.rpartition(".")
        panels.setdefault(component, {})[curve.replace("_", " ")] = values
    if not panels:
        return None
    figure, grid = _panels(len(panels), height=3.2)
    for axes, (component, curves) in zip(grid, panels.items(), strict=True):
        for colour, (name, values) in zip(COLOURS, curves.items(), strict=False):
            axes.plot(range(1, len(values) + 1), values, label=name, color=colour, marker="o", ms=3)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        _finish(axes, "epoch", "loss")
        axes.set_title(component, fontsize=10)
        axes.legend(frameon=False, fontsize=9)
    return figure


def importance(result: EvaluationResult) -> Figure | None:
    """What the fusion loses without each attribute, a panel a slice."""
    slices = dict.fromkeys((found.slice_name, found.shown) for found in result.importances)
    if not slices:
        return None
    panels = [[f for f in result.importances if (f.slice_name, f.shown) == key] for key in slices]
    figure, grid = _panels(len(panels), height=0.9 + 0.28 * max(map(len, panels)))
    for axes, panel in zip(grid, panels, strict=True):
        found = sorted(panel, key=lambda f: f.drop)[-MOST_ATTRIBUTES:]
        labels = [f"{f.attribute} ({f.side})" for f in found]
        errors = [[f.drop - f.interval[0] for f in found], [f.interval[1] - f.drop for f in found]]
        colours = [COLOURS[f.side == "item"] for f in found]
        axes.barh(labels, [f.drop for f in found], xerr=errors, color=colours, height=0.6, ecolor="#4a5568", capsize=2)
        axes.axvline(0, color="#4a5568", linewidth=0.8)
        _finish(axes, "NDCG@10 lost", "")
        axes.grid(axis="y", visible=False)
        axes.grid(axis="x", color="#e2e8f0", linewidth=0.8)
        axes.xaxis.set_major_locator(MaxNLocator(4))
        axes.tick_params(axis="y", labelsize=9, length=0)
        shown = "" if found[0].shown is None else f", k = {found[0].shown}"
        axes.set_title(f"{found[0].slice_name}{shown}", fontsize=10)
    return figure


def space(result: EvaluationResult) -> Figure | None:
    """The items in two dimensions, coloured by what they are; the most frequent value first."""
    found = result.space
    if found is None:
        return None
    figure, axes = _figure("first direction", "second direction")
    counts = Counter(found.values)
    values = sorted(counts, key=lambda value: (value == OTHER, -counts[value], value))
    for value, colour in zip(values, (*COLOURS, PLAIN_COLOUR), strict=False):
        points = [point for point, own in zip(found.points, found.values, strict=True) if own == value]
        behind = value == OTHER
        x, y = [x for x, _ in points], [y for _, y in points]
        style: dict[str, Any] = {"color": PLAIN_COLOUR if behind else colour, "zorder": 1 if behind else 2}
        axes.scatter(x, y, s=9, alpha=0.7, linewidths=0, label=value, **style)
    axes.grid(visible=False)
    axes.set_title(f"{found.component}: {found.explained:.0%} of the variance", fontsize=10)
    _legend(axes, title=found.attribute, markerscale=2)
    return figure


def _shown(row: Row) -> int:
    return row.shown or 0


def _evidence(axes: Axes, rows: Iterable[Row]) -> list[int]:
    """The numbers of interactions in ``rows``, as equally spaced ticks."""
    shown = sorted({_shown(row) for row in rows})
    axes.set_xticks(range(len(shown)), [str(n) for n in shown])
    return shown


def _line(rows: Iterable[Row], strategy: str) -> list[Row]:
    return sorted((row for row in rows if row.strategy == strategy), key=_shown)


def _strategies(rows: Iterable[Row]) -> list[str]:
    """Popularity first and the fusion last, so that it is drawn on top."""
    names = dict.fromkeys(r.strategy for r in rows)
    return sorted(names, key=lambda name: (name == FUSION, name != PLAIN, name))


def _style(strategy: str, strategies: Sequence[str]) -> dict[str, Any]:
    if strategy == FUSION:
        return {"color": FUSION_COLOUR, "linewidth": 2.4, "label": strategy}
    if strategy == FAST:
        return {"color": FUSION_COLOUR, "linewidth": 1.6, "linestyle": ":", "label": strategy}
    if strategy == PLAIN:
        return {"color": PLAIN_COLOUR, "linewidth": 1.4, "linestyle": "--", "label": strategy}
    others = sorted(name for name in strategies if name not in (FUSION, FAST, PLAIN))
    return {"color": COLOURS[others.index(strategy) % len(COLOURS)], "linewidth": 1.4, "label": strategy}


def _figure(x: str, y: str) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(8, 4.4), layout="constrained")
    axes = figure.add_subplot()
    _finish(axes, x, y)
    return figure, axes


def _finish(axes: Axes, x: str, y: str) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e2e8f0", linewidth=0.8)
    axes.set_axisbelow(True)


def _panels(count: int, *, height: float) -> tuple[Figure, list[Axes]]:
    """A figure of ``count`` panels, at most three a row of ``height`` inches."""
    across = min(count, PANELS_ACROSS)
    down = -(-count // across)
    figure = Figure(figsize=(max(8, 3.2 * across), height * down), layout="constrained")
    return figure, [figure.add_subplot(down, across, n + 1) for n in range(count)]


def _legend(axes: Axes, **style: Any) -> None:
    axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5), **style)


PICTURES = {
    "coldness": coldness,
    "coverage": coverage,
    "weights": weights,
    "importance": importance,
    "space": space,
    "loss": loss,
}
"""What is drawn, by the name of its file."""
