"""The report: one page in Markdown and in HTML that needs no other file, with plots."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from markdown_it import MarkdownIt

from firstlight.evaluation.measuring import PLAIN
from firstlight.evaluation.plots import draw_all
from firstlight.evaluation.protocols import NEW_ITEM, NEW_USER, WARM
from firstlight.evaluation.results import EvaluationResult, MetricValue, Row
from firstlight.pipeline.routes import FAST
from firstlight.training.problems import FUSION

ABOUT = {
    NEW_USER: "Users absent from training, by profile and first k interactions; NDCG@10 of the positives after the "
    "first ten.",
    NEW_ITEM: "Items without any interaction in training, ranked among themselves for users that training knows.",
    f"{NEW_ITEM} overall": "The whole catalogue, new items and known ones together. s: share of new items in the top "
    "ten; t: their share of what is to be found.",
    f"{NEW_USER} × {NEW_ITEM}": "New items ranked among themselves for new users with k interactions.",
    WARM: "The last fifth of each user's interactions, after training on the rest.",
}

IMPORTANCE = (
    "NDCG@10 that the fusion loses when one attribute is shuffled over the users asked, or over the new items ranked, "
    "and all else stays; mean of five shuffles, on the first fold; intervals over users and shuffles. New items are "
    "known by their attributes alone. "
    "Attributes that say the same share their worth."
)
STRONGEST = 15
"""Weights shown of a linear component."""


@dataclass(frozen=True, slots=True)
class Table:
    """One section: a sentence, a table (or none, without ``head``) and perhaps a plot's file name."""

    title: str
    text: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    plot: str = ""


def write_report(result: EvaluationResult, directory: Path, *, title: str = "Evaluation") -> Path:
    """Write ``report.md``, ``report.html``, ``results.json`` and the plots into ``directory``; the path of the HTML."""
    directory.mkdir(parents=True, exist_ok=True)
    plots = draw_all(result, directory)
    environment = Environment(
        loader=PackageLoader("firstlight.evaluation"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # Markdown; the HTML page is made from it with HTML in it switched off
    )
    markdown = environment.get_template("report.md.j2").render(
        title=title,
        result=result,
        relevant=f"no value, or a value of at least {result.positive_value:g}",
        tables=[*_tables(result, plots), *_explained(result, plots)],
        plots=plots,
        failed_metrics={_cell(name): _cell(why) for name, why in result.failed_metrics.items()},
    )
    (directory / "report.md").write_text(markdown, encoding="utf-8")
    body = MarkdownIt("commonmark", {"html": False}).enable("table").render(markdown)
    body = re.sub(r'src="([^"]+\.png)"', lambda m: f'src="{_inline(directory / m[1])}"', body)
    page = directory / "report.html"
    html = environment.get_template("page.html.j2").render(title=title, body=body)
    page.write_text(html, encoding="utf-8")
    (directory / "results.json").write_text(json.dumps(result.to_json(), indent=1), encoding="utf-8")
    return page


def _tables(result: EvaluationResult, plots: dict[str, str]) -> list[Table]:
    tables = []
    for name in dict.fromkeys(row.slice_name for row in result.rows):
        rows = [row for row in result.rows if row.slice_name == name]
        if len({row.shown for row in rows}) > 1:
            tables += _by_evidence(name, rows, plots if name == NEW_USER else {}, result.metrics)
        else:
            tables.append(_flat(name, rows, result.metrics))
    return tables


def _by_evidence(name: str, rows: Sequence[Row], plots: dict[str, str], metrics: Mapping[str, bool]) -> list[Table]:
    """A column for each number of interactions; then recall, plugins' metrics, and coverage where it is plotted."""
    shown = sorted({row.shown or 0 for row in rows})
    found = {(row.strategy, row.shown or 0): row for row in rows}
    users = max(row.users for row in rows)

    def table(title: str, text: str, cells: dict[tuple[str, int], str], plot: str) -> Table:
        lines = [[s, *(cells.get((s, k), "–") for k in shown)] for s in _strategies(rows)]
        return Table(title, text, ["", *(f"k = {k}" for k in shown)], lines, plot)

    ndcg = {key: _number(r.ndcg, r.ndcg_interval) for key, r in found.items()}
    recall = {key: _number(r.recall, r.recall_interval) for key, r in found.items()}
    tables = [
        table(f"{_capital(name)}: NDCG@10", f"{ABOUT[name]} {users} users.", ndcg, plots.get("coldness", "")),
        table(f"{_capital(name)}: recall@20", "The same lists.", recall, ""),
    ]
    for metric, higher_is_better in metrics.items():
        cells = {key: _metric(r.metrics[metric]) for key, r in found.items()}
        text = f"The same lists; {'higher' if higher_is_better else 'lower'} is better."
        tables.append(table(f"{_capital(name)}: {_cell(metric)}", text, cells, ""))
    if "coverage" in plots:
        cells = {key: f"{r.coverage:.1%}" for key, r in found.items()}
        text = "Share of the catalogue that is in anybody's top ten."
        tables.append(table("Coverage", text, cells, plots["coverage"]))
    return tables


def _flat(name: str, rows: Sequence[Row], metrics: Mapping[str, bool]) -> Table:
    named = [f"{_cell(metric)} {'↑' if metrics[metric] else '↓'}" for metric in metrics]
    head = ["", "NDCG@10", "recall@20", *named, "coverage"]
    shares = any(row.new_share is not None for row in rows)
    lines = []
    for row in sorted(rows, key=lambda r: _strategies(rows).index(r.strategy)):
        line = [
            row.strategy,
            _number(row.ndcg, row.ndcg_interval),
            _number(row.recall, row.recall_interval),
            *(_metric(row.metrics[metric]) for metric in metrics),
            f"{row.coverage:.1%}",
        ]
        lines.append([*line, f"{row.new_share:.1%}", f"{row.target_share:.1%}"] if shares else line)
    users = max(row.users for row in rows)
    return Table(_capital(name), f"{ABOUT[name]} {users} users.", [*head, "s", "t"] if shares else head, lines)


def _explained(result: EvaluationResult, plots: dict[str, str]) -> list[Table]:
    """What each attribute is worth, where the items lie, and what linear components say of themselves."""
    tables = []
    if result.importances:
        lines = [
            [
                f"{f.slice_name}{'' if f.shown is None else f', k = {f.shown}'}",
                f"{_cell(f.attribute)} ({f.side})",
                f"{f.drop:+.4f} [{f.interval[0]:+.4f}, {f.interval[1]:+.4f}]",
                f"{f.ndcg:.3f}",
                str(f.users),
            ]
            for f in sorted(result.importances, key=lambda f: (f.slice_name, f.shown or 0, -f.drop))
        ]
        head = ["", "attribute", "NDCG@10 lost", "of", "users"]
        tables.append(Table("What each attribute is worth", IMPORTANCE, head, lines, plots.get("importance", "")))
    if result.space is not None:
        text = f"The vectors of `{_cell(result.space.component)}`, by `{_cell(result.space.attribute)}`."
        tables.append(Table("Where the items lie", text, [], [], plots.get("space", "")))
    for component, described in result.described.items():
        for title, weights in described.items():
            strongest = sorted(weights.items(), key=lambda pair: -abs(pair[1]))[:STRONGEST]
            lines = [[_cell(name), f"{value:+.3f}"] for name, value in strongest]
            text = f"The strongest {len(lines)} of {len(weights)}."
            tables.append(Table(f"{_cell(component)}: {_cell(title)}", text, ["", "weight"], lines))
    return tables


def _strategies(rows: Iterable[Row]) -> list[str]:
    """The fusion first, by both routes, the two kinds of popularity last."""
    names = dict.fromkeys(row.strategy for row in rows)
    return sorted(names, key=lambda name: (name != FUSION, name != FAST, name == PLAIN, name == "popularity", name))


def _number(mean: float, interval: tuple[float, float]) -> str:
    return f"{mean:.3f} [{interval[0]:.3f}, {interval[1]:.3f}]"


def _metric(found: MetricValue) -> str:
    if found.value is None or found.interval is None:
        return "–"
    return f"{found.value:.4g} [{found.interval[0]:.4g}, {found.interval[1]:.4g}]"


def _cell(text: str) -> str:
    """A plugin's words inside a Markdown table."""
    return " ".join(text.split()).replace("|", "\\|")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _inline(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
