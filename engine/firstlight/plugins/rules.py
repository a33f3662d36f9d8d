"""Which plugins may load."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

BUILT_IN_DISTRIBUTION = "firstlight"


@dataclass(frozen=True, slots=True)
class PluginRules:
    """What settings say about plugins. A name is a plugin's, or its distribution's in any spelling PEP 503 allows.

    ``allow``: only these, and the built-in ones, are imported; None: all that are installed. ``block``: never these,
    built-in ones included. ``explicit``: modules to load as plugins beside the installed ones, last and in this order.
    ``strict``: a fault while loading is an error. ``trace``: every hook call is printed to standard error.
    """

    allow: tuple[str, ...] | None = None
    block: tuple[str, ...] = ()
    explicit: tuple[str, ...] = ()
    strict: bool = False
    trace: bool = False

    def permit(self, name: str, distribution: str) -> bool:
        """Whether the plugin ``name`` of ``distribution`` may be imported."""
        if named(self.block, name, distribution):
            return False
        built_in = distribution == BUILT_IN_DISTRIBUTION
        return self.allow is None or built_in or name in self.explicit or named(self.allow, name, distribution)


def named(names: Iterable[str], name: str, distribution: str) -> bool:
    """Whether ``names`` hold the plugin or its distribution."""
    wanted = {_normal(each) for each in names}
    return _normal(name) in wanted or (bool(distribution) and _normal(distribution) in wanted)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
