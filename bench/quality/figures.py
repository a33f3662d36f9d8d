"""The figures to reach, and whether this run reached them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from comparing import Line, Ratio, Slices, best, ratio
from peers import BOTH, NEW_ITEM, NEW_USER, OVERALL, WARM

from firstlight.training.problems import FUSION

NEW_USER_GOALS = {0: 1.00, 1: 1.01, 3: 1.02, 5: 1.04, 10: 1.04}
LOW_AT_0 = 0.99
CONTENT_POPULARITY = "content-predicted popularity"
STUDENT, SEGMENT_POPULARITY = "student", "popularity"


@dataclass(frozen=True)
class Figure:
    """``goal`` and ``reached`` in words; ``done``: None where it was not measured here."""

    name: str
    goal: str
    reached: str
    done: bool | None


def figures(ours: Slices, peers: Slices) -> list[Figure]:
    """All that a run can tell of ranking, in the order of the goals; the other figures have commands of their own."""
    found = [_against(ours, peers, (NEW_USER, k), goal) for k, goal in NEW_USER_GOALS.items()]
    found += [
        _rises(ours),
        _against(ours, peers, (NEW_ITEM, None), 1.06),
        _against(ours, peers, (OVERALL, None), 1.0),
        _shares(ours),
        *(_against(ours, peers, (BOTH, k), 1.03, CONTENT_POPULARITY) for k in (0, 10)),
        _against(ours, peers, (WARM, None), 1.02),
        *(_student(ours, k) for k in NEW_USER_GOALS),
    ]
    return [figure for figure in found if figure]


def _against(ours: Slices, peers: Slices, key: tuple[str, int | None], goal: float, peer: str = "") -> Figure:
    name = label(key)
    rivals: Mapping[str, Line] = peers.get(key, {})
    mine = ours.get(key, {}).get(FUSION)
    rival = peer or best(rivals) or "the best peer"
    wanted = f"≥ {goal:.2f} × {rival}"
    strict = key == (NEW_USER, 0)
    if strict:
        wanted += f", lower bound ≥ {LOW_AT_0:.2f}"
    if mine is None or rival not in rivals:
        return Figure(name, wanted, "not measured", None)
    found = ratio(mine, rivals[rival])
    return Figure(name, wanted, _words(found), found.value >= goal and (not strict or found.low >= LOW_AT_0))


def _rises(ours: Slices) -> Figure:
    means = [lines[FUSION].mean for k in NEW_USER_GOALS if FUSION in (lines := ours.get((NEW_USER, k), {}))]
    if len(means) < len(NEW_USER_GOALS):
        return Figure(NEW_USER, "rises with k", "not measured", None)
    rising = all(a < b for a, b in pairwise(means))
    return Figure(NEW_USER, "rises with k", " ".join(f"{mean:.3f}" for mean in means), rising)


def _shares(ours: Slices) -> Figure:
    mine = ours.get((OVERALL, None), {}).get(FUSION)
    if mine is None:
        return Figure(OVERALL, "0.7 t ≤ s ≤ 1.3 t", "not measured", None)
    share = mine.new_share / mine.target_share
    words = f"s {mine.new_share:.3f} = {share:.2f} t"
    return Figure(OVERALL, "0.7 t ≤ s ≤ 1.3 t", words, 0.7 <= share <= 1.3)


def _student(ours: Slices, k: int) -> Figure | None:
    """The student beside what teaches it; its size and speed are measured elsewhere."""
    lines = ours.get((NEW_USER, k), {})
    if k == 1:
        return None
    if k == 0:
        goal = "≥ 0.99 × segment popularity"
    else:
        goal = "(student − segment popularity) ≥ 0.8 × (fusion − segment popularity)"
    name = f"student, {label((NEW_USER, k))}"
    if not {STUDENT, FUSION, SEGMENT_POPULARITY} <= lines.keys():
        return Figure(name, goal, "not measured", None)
    if k == 0:
        found = ratio(lines[STUDENT], lines[SEGMENT_POPULARITY])
        return Figure(name, goal, _words(found), found.value >= 0.99)
    found = ratio(lines[STUDENT], lines[FUSION], lines[SEGMENT_POPULARITY])
    return Figure(name, goal, _words(found), found.value >= 0.8)


def training(interactions: int, preset: str, seconds: float) -> Figure | None:
    """Of training with everything included, where data and preset are those of the goal; ``seconds``: the longest."""
    if preset != "base" or not 80_000 <= interactions <= 120_000:
        return None
    return Figure(
        "training, preset base", "10⁵ interactions ≤ 5 minutes", f"{seconds / 60:.1f} minutes", seconds <= 300
    )


def _words(found: Ratio) -> str:
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def label(key: tuple[str, int | None]) -> str:
    """``new-user, k = 3``."""
    return key[0] if key[1] is None else f"{key[0]}, k = {key[1]}"
