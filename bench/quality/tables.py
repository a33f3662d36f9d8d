"""The run's tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from comparing import Key, Line, Slices, best, difference
from figures import Figure, label
from peers import NEW_USER, OVERALL
from reference import Check
from table import Table

from firstlight.training.problems import FUSION

SERVED = f"**{FUSION}**"


def slice_tables(ours: Slices, peers: Slices) -> list[Table]:
    """One table for new users, a column for each k, then one for every other slice."""
    keys = list(peers)
    curve = [key for key in keys if key[0] == NEW_USER]
    found = [by_evidence(curve, ours, peers), gaps(curve, ours, peers)] if curve else []
    return [table for table in found if table] + [flat(key, ours, peers) for key in keys if key not in curve]


def by_evidence(keys: Sequence[Key], ours: Slices, peers: Slices) -> Table:
    """NDCG@10 and recall@20 of new users."""
    lines = {key: _together(key, ours, peers) for key in keys}
    rows = [
        [name, *(_number(lines[key][name]) if name in lines[key] else "–" for key in keys)] for name in _names(lines)
    ]
    users = len(next(iter(lines[keys[0]].values())).users)
    text = f"{users} users whom no fit has seen. NDCG@10 with its 95 % interval / recall@20."
    return Table(NEW_USER, ["", *(f"k = {key[1]}" for key in keys)], rows, text)


def gaps(keys: Sequence[Key], ours: Slices, peers: Slices) -> Table | None:
    """The fusion less each peer."""
    if not all(FUSION in ours.get(key, {}) for key in keys):
        return None
    names = list(dict.fromkeys(name for key in keys for name in peers[key]))
    rows = [
        [name, *(_gap(ours[key][FUSION], peers[key][name]) if name in peers[key] else "–" for key in keys)]
        for name in names
    ]
    return Table(
        "new-user: the fusion less each peer",
        ["", *(f"k = {key[1]}" for key in keys)],
        rows,
        "NDCG@10, paired by user, with 95 % intervals.",
    )


def flat(key: Key, ours: Slices, peers: Slices) -> Table:
    """A row a strategy."""
    lines = _together(key, ours, peers)
    fusion = lines.get(SERVED)
    shares = key[0] == OVERALL
    head = ["", "NDCG@10", "recall@20", "fusion less it", *(["s", "t"] if shares else [])]
    rows = []
    for name in _names({key: lines}):
        line = lines[name]
        low, high = line.interval
        row = [name, f"{line.mean:.3f} [{low:.3f}, {high:.3f}]", f"{line.recall.mean():.3f}"]
        row.append(_gap(fusion, line) if fusion is not None and name != SERVED else "–")
        rows.append([*row, f"{line.new_share:.3f}", f"{line.target_share:.3f}"] if shares else row)
    first = next(iter(lines.values()))
    folds = len(first.by_fold)
    text = f"{len(set(first.users.tolist()))} users, {len(first.users)} lists, {folds} fold{'s' * (folds > 1)}."
    return Table(label(key), head, rows, text)


def figure_table(figures: Sequence[Figure]) -> Table:
    """Figure, goal, reached, yes or no."""
    words = {True: "yes", False: "no", None: "–"}
    rows = [[f.name, f.goal, f.reached, words[f.done]] for f in figures]
    return Table(
        "Figures to reach",
        ["figure", "goal", "reached", ""],
        rows,
        "Ratios of NDCG@10 with 95 % intervals, paired by user.",
    )


def check_table(checks: Sequence[Check]) -> Table:
    """Peers beside what they reached before."""
    rows = [
        [f"{c.peer}, {label(c.key)}", f"{c.row:.3f}", f"{c.here:.3f}", f"{c.least:.3f}", "yes" if c.passed else "no"]
        for c in checks
    ]
    text = "A peer that lands below the least fails the run."
    return Table("Peers beside what they reached before", ["peer", "before", "here", "least", ""], rows, text)


def best_table(peers: Slices) -> Table:
    """The best peer of each slice."""
    rows = [[label(key), best(lines), f"{lines[best(lines)].mean:.3f}"] for key, lines in peers.items() if best(lines)]
    return Table("The best peer", ["slice", "peer", "NDCG@10"], rows)


def _together(key: Key, ours: Slices, peers: Slices) -> dict[str, Line]:
    """What is ours in italics, and what is served in bold: a peer may bear the name of a component."""
    own = {SERVED if name == FUSION else f"*{name}*": line for name, line in ours.get(key, {}).items()}
    return {**own, **peers[key]}


def _names(lines: Mapping[Key, Mapping[str, Line]]) -> list[str]:
    """What is served, the product's components, then the peers, each by its best mean."""
    found = dict.fromkeys(name for of in lines.values() for name in of)

    def mean(name: str) -> float:
        return max(of[name].mean for of in lines.values() if name in of)

    return sorted(found, key=lambda name: (name != SERVED, not name.startswith("*"), -mean(name)))


def _number(line: Line) -> str:
    low, high = line.interval
    return f"{line.mean:.3f} [{low:.3f}, {high:.3f}] / {line.recall.mean():.3f}"


def _gap(ours: Line, theirs: Line) -> str:
    gap, low, high = difference(ours, theirs)
    return f"{gap:+.3f} [{low:+.3f}, {high:+.3f}]"
