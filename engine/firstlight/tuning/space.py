"""What is searched: settings of components, each with a range or with choices."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from firstlight.errors import InvalidInputError, Reason
from firstlight.plugins import Plugins

Choice = str | int | float | bool

DEFAULTS = (
    "plugins.factors.embedding_size=16,32,64",
    "plugins.neighbours.neighbours=50,100,200,400",
    "plugins.sequence.learning_rate=3e-4:1e-2:log",
    "plugins.sequence.dropout=0.0:0.4",
    "plugins.sequence.id_dropout=0.1:0.6",
)
"""What is searched where nobody says what; those of components that are not there are left out."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """``setting`` of ``component``: one of ``choices``, or where there are none a number from ``low`` to ``high``.

    Whole numbers where both bounds are; ``log``: even over magnitudes.
    """

    component: str
    setting: str
    choices: tuple[Choice, ...] = ()
    low: float = math.nan
    high: float = math.nan
    log: bool = False

    @property
    def name(self) -> str:
        """``plugins.<component>.<setting>``."""
        return f"plugins.{self.component}.{self.setting}"

    @property
    def ends(self) -> tuple[Choice, ...]:
        """Every choice, or the two bounds."""
        return self.choices or (self.low, self.high)


def parse_parameter(text: str) -> Parameter:
    """``plugins.COMPONENT.SETTING=LOW:HIGH``, ``...=LOW:HIGH:log`` or ``...=A,B,C``; values as in TOML.

    Raises:
        InvalidInputError: it is neither.
    """
    name, equals, values = text.partition("=")
    parts = name.strip().split(".")
    if not equals or len(parts) != 3 or parts[0] != "plugins" or not all(parts):
        raise _invalid(text, "write plugins.COMPONENT.SETTING=LOW:HIGH, =LOW:HIGH:log or =A,B,C")
    component, setting = parts[1:]
    if ":" not in values:
        choices = tuple(_value(part) for part in values.split(",") if part.strip())
        if len(set(choices)) < 2:
            raise _invalid(text, "a choice needs two values or more")
        return Parameter(component, setting, choices)
    low, high, *scale = (_value(part) for part in values.split(":"))
    if not _is_number(low) or not _is_number(high) or scale not in ([], ["log"]):
        raise _invalid(text, "a range is LOW:HIGH or LOW:HIGH:log")
    if not low < high or (scale and low <= 0):
        raise _invalid(text, "LOW must be below HIGH, and above 0 for log")
    return Parameter(component, setting, low=low, high=high, log=bool(scale))


def default_space(plugins: Plugins) -> tuple[Parameter, ...]:
    """:data:`DEFAULTS`, of the components that ``plugins`` have."""
    found = [parse_parameter(text) for text in DEFAULTS]
    return tuple(p for p in found if p.component in plugins.registrations)


def check_space(space: Sequence[Parameter], plugins: Plugins, current: Mapping[str, Mapping[str, Any]]) -> None:
    """Every end of every range must be a setting that its component takes beside the ``current`` ones.

    Raises:
        InvalidInputError: an unknown component or setting, a value that it does not take, or nothing to search.
    """
    if not space:
        raise InvalidInputError("nothing to search: name settings with --param", reason=Reason.SETTINGS_INVALID)
    if len({p.name for p in space}) < len(space):
        raise InvalidInputError("a setting is named twice", reason=Reason.SETTINGS_INVALID)
    for parameter in space:
        registration = plugins.registrations.get(parameter.component)
        if registration is None:
            known = ", ".join(name for name, r in plugins.registrations.items() if r.config is not None)
            raise _invalid(parameter.name, f"no component {parameter.component!r}; those with settings: {known}")
        for value in parameter.ends:
            registration.create({**current.get(parameter.component, {}), parameter.setting: value})


def _value(text: str) -> Any:
    try:
        found = tomllib.loads(f"value = {text.strip()}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()
    return found if isinstance(found, str | int | float | bool) else text.strip()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _invalid(text: str, problem: str) -> InvalidInputError:
    return InvalidInputError(f"{text}: {problem}", reason=Reason.SETTINGS_INVALID)
