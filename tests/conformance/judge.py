"""Whether outcomes are what a case expects. README.md lists the checks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

Json = Any
ABSENT = object()


def judge(case: Mapping[str, Json], outcomes: Json, *, run: str) -> list[str]:
    """What is wrong with the outcomes of a case's steps, the first step that fails alone; nothing where all is well."""
    if outcomes is None:
        return ["the runner says nothing of this case"]
    if len(outcomes) != len(case["steps"]):
        return [f"{len(outcomes)} outcomes for {len(case['steps'])} steps: {shortened(outcomes)}"]
    saved = {"run": run}
    for number, (step, outcome) in enumerate(zip(case["steps"], outcomes, strict=True), start=1):
        last = outcome[-1] if isinstance(outcome, list) and outcome else outcome
        for name, field in step.get("save", {}).items():
            saved[name] = str(found(last, f"result.{field}"))
        expected = filled(step.get("expect", {}), saved)
        if "error" not in " ".join(expected):  # a step that expects no error has none
            expected = {("*.error" if "repeat" in step else "error"): {"$absent": True}, **expected}
        expected = {("*.crash" if "repeat" in step else "crash"): {"$absent": True}, **expected}
        for path, check in expected.items():
            problem = failure(found(outcome, path), check)
            if problem:
                return [f"step {number} ({step['call']}): {path} {problem}; outcome: {shortened(outcome)}"]
    return []


def unsupported(outcomes: Json) -> bool:
    """Whether a runner says that its language does not have this."""
    return bool(outcomes) and all(isinstance(each, dict) and each.get("unsupported") is True for each in outcomes)


def found(value: Json, path: str) -> Json:
    """What lies at a dotted path; ``*`` stands for every entry, and gives a list of what lies there."""
    head, _, rest = path.partition(".")
    if head == "*":
        entries = value if isinstance(value, list) else []
        inner = [found(each, rest) if rest else each for each in entries]
        kept = [each for each in inner if each is not ABSENT]
        return kept if kept or not inner else ABSENT
    if isinstance(value, dict):
        value = value.get(head, ABSENT)
    elif isinstance(value, list) and re.fullmatch(r"-?\d+", head) and -len(value) <= int(head) < len(value):
        value = value[int(head)]
    else:
        return ABSENT
    return found(value, rest) if rest else value


def failure(value: Json, check: Json) -> str:
    """Why ``value`` does not pass; empty where it does."""
    if isinstance(check, dict) and check and all(key.startswith("$") for key in check):
        for name, argument in check.items():
            if not CHECKS[name](value, argument):
                return f"is not {name} {shortened(argument)}"
        return ""
    return "" if same(value, check) else f"is not {shortened(check)}"


def same(one: Json, other: Json) -> bool:
    """Equal as JSON: 1 and 1.0 are, 1 and true are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    return bool(one == other)


def number_in(value: Json) -> float:
    """A number, or the one in a text such as ``gap-512ms``; NaN where there is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    digits = re.search(r"\d+(\.\d+)?", value) if isinstance(value, str) else None
    return float(digits.group()) if digits else float("nan")


def each_in(value: Json) -> Iterator[Json]:
    yield from value if isinstance(value, list) else ()


CHECKS: dict[str, Callable[[Json, Json], bool]] = {
    "$absent": lambda value, _: value is ABSENT,
    "$present": lambda value, _: value is not ABSENT,
    "$not": lambda value, other: value is not ABSENT and not same(value, other),
    "$one_of": lambda value, others: any(same(value, other) for other in others),
    "$contains": lambda value, part: (
        part in value if isinstance(value, str) else any(same(each, part) for each in each_in(value))
    ),
    "$lacks": lambda value, part: isinstance(value, list) and not any(same(each, part) for each in value),
    "$length": lambda value, size: isinstance(value, list | str | dict) and len(value) == size,
    "$longer": lambda value, size: isinstance(value, list | str | dict) and len(value) > size,
    "$prefix": lambda value, text: isinstance(value, str) and value.startswith(text),
    "$distinct": lambda value, count: isinstance(value, list) and len({repr(each) for each in value}) == count,
    "$each": lambda value, check: isinstance(value, list) and all(not failure(each, check) for each in value),
    "$sorted": lambda value, _: isinstance(value, list) and value == sorted(value, key=lambda each: each.encode()),
    "$between": lambda value, bounds: bounds[0] <= number_in(value) <= bounds[1],
    "$same_items": lambda value, other: (
        isinstance(value, list) and sorted(map(repr, value)) == sorted(map(repr, other))
    ),
}


def filled(value: Json, saved: Mapping[str, str]) -> Json:
    """``value`` with ``${name}`` replaced."""
    if isinstance(value, str):
        return re.sub(r"\$\{(\w+)\}", lambda match: saved.get(match[1], match[0]), value)
    if isinstance(value, list):
        return [filled(each, saved) for each in value]
    if isinstance(value, dict):
        return {filled(key, saved): filled(each, saved) for key, each in value.items()}
    return value


def comparable(outcomes: Json, run: str) -> Json:
    """Outcomes without what differs between runs: the run's id and the tokens that the server makes."""
    if isinstance(outcomes, str):
        return outcomes.replace(run, "RUN")
    if isinstance(outcomes, list):
        return [comparable(each, run) for each in outcomes]
    if isinstance(outcomes, dict):
        return {
            key: "TOKEN" if key in {"attribution_token", "write_token"} else comparable(each, run)
            for key, each in outcomes.items()
        }
    return float(outcomes) if isinstance(outcomes, int) and not isinstance(outcomes, bool) else outcomes


def difference(one: Json, other: Json, path: str = "") -> str:
    """Where two outcomes differ first; empty where they do not."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        return next(filter(None, (difference(one[key], other[key], f"{path}.{key}") for key in one)), "")
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        pairs = enumerate(zip(one, other, strict=True))
        return next(filter(None, (difference(a, b, f"{path}.{n}") for n, (a, b) in pairs)), "")
    return "" if same(one, other) else f"{path.strip('.')}: {shortened(one)} against {shortened(other)}"


def shortened(value: Json) -> str:
    """A value on one line."""
    text = "nothing" if value is ABSENT else repr(value)
    return text if len(text) <= 300 else f"{text[:297]}..."
