"""The report's plots."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from firstlight.evaluation.measuring import PLAIN
from firstlight.evaluation.protocols import NEW_USER
from firstlight.evaluation.results import EvaluationResult, Row
from firstlight.training.problems import FUSION

COLOURS = ("#2b6cb0", "#c05621", "#2f855a", "#805ad5", "#b7791f", "#319795", "#97266d", "#4a5568")
FUSION_COLOUR, PLAIN_COLOUR = "#111827", "#a0aec0"


def draw_all(result: EvaluationResult, directory: Path) -> dict[str, str]:
    """Draw what there is data for as PNG files in ``directory``; file names by plot."""
    drawn = {}
    for name, draw in (("coldness", coldness), ("coverage", coverage), ("weights", weights), ("loss", loss)):
        figure = draw(result)
        if figure is not None:
            FigureCanvasAgg(figure)  # no display is needed
            figure.savefig(directory / f"{name}.png", dpi=120)
            drawn[name] = f"{name}.png"
    return drawn


def coldness(result: EvaluationResult) -> Figure | None:
    """Quality by number of interactions, a line a strategy."""
    rows = [row for row in result.rows if row.slice_name == NEW_USER]
    if not rows:
        return None
    figure, axes = _figure("interactions of the new user", "NDCG@10")
    strategies, shown = _strategies(rows), _evidence(axes, rows)
    for n, strategy in enumerate(strategies):
        line = _line(rows, strategy)
        places = [shown.index(_shown(r)) + 0.06 * (n - (len(strategies) - 1) / 2) for r in line]
        errors = [[r.ndcg - r.ndcg_interval[0] for r in line], [r.ndcg_interval[1] - r.ndcg for r in line]]
        style = _style(strategy, strategies)
        axes.errorbar(places, [r.ndcg for r in line], yerr=errors, elinewidth=1, capsize=2, marker="o", ms=4, **style)
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
    """Every training curve, by epoch."""
    if not result.losses:
        return None
    figure, axes = _figure("epoch", "loss")
    for colour, (name, values) in zip(_cycle(), result.losses.items(), strict=False):
        axes.plot(range(1, len(values) + 1), values, label=name.replace("_", " "), color=colour)
    _legend(axes)
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
    if strategy == PLAIN:
        return {"color": PLAIN_COLOUR, "linewidth": 1.4, "linestyle": "--", "label": strategy}
    others = sorted(name for name in strategies if name not in (FUSION, PLAIN))
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


def _legend(axes: Axes) -> None:
    axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.0, 0.5))


def _cycle() -> Iterable[str]:
    while True:
        yield from COLOURS
