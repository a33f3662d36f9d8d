"""The run's plots: quality by evidence, and bars for the other slices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from comparing import Key, Line, Slices
from figures import label
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from peers import NEW_USER

from firstlight.training.problems import FUSION

OURS, PEER = "#111827", "#a0aec0"
COLOURS = ("#2b6cb0", "#c05621", "#2f855a", "#805ad5", "#b7791f", "#319795", "#97266d")


def draw(ours: Slices, peers: Slices, folder: Path) -> list[str]:
    """Write the plots there are data for; their file names."""
    drawn = []
    curve = [key for key in peers if key[0] == NEW_USER]
    others = [key for key in peers if key[0] != NEW_USER]
    for name, keys, make in (("coldness", curve, coldness), ("slices", others, bars)):
        if keys:
            figure = make(keys, ours, peers)
            FigureCanvasAgg(figure)  # no display is needed
            figure.savefig(folder / f"{name}.png", dpi=120)
            drawn.append(f"{name}.png")
    return drawn


def coldness(keys: Sequence[Key], ours: Slices, peers: Slices) -> Figure:
    """A line a strategy, with 95 % intervals."""
    figure = Figure(figsize=(8, 4.8), layout="constrained")
    axes = figure.add_subplot()
    names = list(dict.fromkeys(name for key in keys for name in peers[key]))
    curves: list[tuple[str, Slices, str]] = [(name, peers, COLOURS[n % len(COLOURS)]) for n, name in enumerate(names)]
    if all(FUSION in ours.get(key, {}) for key in keys):
        curves.append((FUSION, ours, OURS))
    for n, (name, slices, colour) in enumerate(curves):
        found = [(place, slices[key][name]) for place, key in enumerate(keys) if name in slices[key]]
        axes.errorbar(
            [place + 0.05 * (n - len(curves) / 2) for place, _ in found],
            [line.mean for _, line in found],
            yerr=_errors([line for _, line in found]),
            marker="o",
            ms=4,
            elinewidth=1,
            capsize=2,
            color=colour,
            linewidth=2.5 if name == FUSION else 1.2,
            label=name,
        )
    axes.set_xticks(range(len(keys)), [str(key[1]) for key in keys])
    axes.set_xlabel("interactions of the new user")
    axes.set_ylabel("NDCG@10")
    axes.legend(frameon=False, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def bars(keys: Sequence[Key], ours: Slices, peers: Slices) -> Figure:
    """A panel a slice, a bar a strategy, with 95 % intervals."""
    figure = Figure(figsize=(8, 0.4 + sum(0.5 + 0.28 * (1 + len(peers[key])) for key in keys)), layout="constrained")
    heights = [2 + len(peers[key]) for key in keys]
    for axes, key in zip(
        figure.subplots(len(keys), 1, squeeze=False, height_ratios=heights, sharex=True)[:, 0], keys, strict=True
    ):
        lines: Mapping[str, Line] = peers[key]
        if FUSION in ours.get(key, {}):
            lines = {**lines, FUSION: ours[key][FUSION]}
        ordered = sorted(lines, key=lambda name, lines=lines: (name == FUSION, lines[name].mean))
        axes.barh(
            ordered,
            [lines[name].mean for name in ordered],
            xerr=_errors([lines[name] for name in ordered]),
            color=[OURS if name == FUSION else PEER for name in ordered],
            error_kw={"elinewidth": 1, "capsize": 2, "ecolor": "#4a5568"},
        )
        axes.set_title(label(key), loc="left", fontsize=9)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel("NDCG@10")
    return figure


def _errors(lines: Sequence[Line]) -> list[list[float]]:
    ends = [line.interval for line in lines]
    return [
        [line.mean - low for line, (low, _) in zip(lines, ends, strict=True)],
        [high - line.mean for line, (_, high) in zip(lines, ends, strict=True)],
    ]
