"""Components in an order in which each finds what it requires, and what it learns from."""

from __future__ import annotations

from collections.abc import Container, Mapping

from firstlight.errors import PluginError
from firstlight.roles import Component, LearnsFrom


def in_order(components: Mapping[str, Component]) -> list[str]:
    """Names so that each comes after those it needs, where that can be: :func:`check_requirements` says if not."""
    ordered: list[str] = []

    def visit(name: str, above: tuple[str, ...]) -> None:
        if name in components and name not in ordered and name not in above:
            for other in (*components[name].requires, *learns_from(components[name])):
                visit(other, (*above, name))
            ordered.append(name)

    for name in components:
        visit(name, ())
    return ordered


def learns_from(component: Component) -> tuple[str, ...]:
    """What ``component`` is fitted after, where it is there."""
    return tuple(component.learns_from) if isinstance(component, LearnsFrom) else ()


def check_requirements(name: str, component: Component, ready: Container[str]) -> None:
    """Raise PluginError where something that ``component`` requires is not ``ready``."""
    for other in component.requires:
        if other not in ready:
            raise PluginError(f"component {name!r} requires {other!r}, which is not there or requires it in turn")
