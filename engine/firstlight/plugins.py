"""Which plugins there are and what they registered: discovery, order, and the faults met on the way.

Order: built-ins first, then other distributions' entry points by name. A plugin that fails to import, to validate or
to register is left out whole, and its error is kept for ``plugins list``.
"""

from __future__ import annotations

import difflib
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy
from pydantic import BaseModel, ValidationError

from firstlight import hookspecs
from firstlight.errors import InvalidInputError, PluginError, Reason
from firstlight.roles import ROLES

GROUP = "firstlight.plugins"
BUILT_IN_DISTRIBUTION = "firstlight"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Registration:
    """One component a plugin offers."""

    name: str
    role: str
    plugin: str
    factory: Callable[..., Any]
    config: type[BaseModel] | None = None
    replaces: str | None = None

    def create(self, settings: Mapping[str, Any] | None = None) -> Any:
        """A new component with ``settings``, the keys under ``[plugins.<name>]``.

        Raises:
            InvalidInputError: a setting is unknown or has a wrong value.
        """
        if self.config is None:
            if settings:
                raise InvalidInputError(f"component {self.name!r} takes no settings", reason=Reason.SETTINGS_INVALID)
            return self.factory()
        unknown = sorted(set(settings or {}) - set(self.config.model_fields))
        if unknown:
            hint = _nearest(unknown[0], self.config.model_fields)
            raise InvalidInputError(
                f"unknown setting {unknown[0]!r} for component {self.name!r}{hint}", reason=Reason.SETTINGS_INVALID
            )
        try:
            return self.factory(self.config.model_validate(settings or {}))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise InvalidInputError(
                f"setting {where!r} of component {self.name!r}: {first['msg']}", reason=Reason.SETTINGS_INVALID
            ) from error


@dataclass(slots=True)
class PluginInfo:
    """What became of one plugin. ``error`` is empty where it loaded."""

    name: str
    distribution: str
    version: str
    hooks: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    error: str = ""


@dataclass(slots=True)
class Plugins:
    """The loaded plugins: typed registrations, plus the hook caller for observers."""

    manager: pluggy.PluginManager
    infos: list[PluginInfo] = field(default_factory=list)
    registrations: dict[str, Registration] = field(default_factory=dict)

    def of_role(self, *roles: str) -> list[Registration]:
        """Registrations for any of ``roles``, in order, less those another one replaces."""
        replaced = {r.replaces for r in self.registrations.values()}
        return [r for r in self.registrations.values() if r.role in roles and r.name not in replaced]

    def observe(self, hook: str, **arguments: Any) -> None:
        """Tell every observer of ``hook``; a failing one is logged and the others are still told."""
        for implementation in getattr(self.manager.hook, hook).get_hookimpls():
            accepted = {name: arguments[name] for name in implementation.argnames}
            try:
                implementation.function(**accepted)
            except Exception:
                log.exception("plugin %s failed in %s", implementation.plugin_name, hook)


def load_plugins(*, disabled: Iterable[str] = (), extra: Iterable[EntryPoint] = ()) -> Plugins:
    """Discover, import and register every plugin whose name is not in ``disabled``. Never raises for a bad plugin."""
    manager = pluggy.PluginManager(hookspecs.NAMESPACE)
    manager.add_hookspecs(hookspecs)
    plugins = Plugins(manager)
    disabled = set(disabled)
    points = _ordered([*entry_points(group=GROUP), *extra])
    for name in sorted(disabled - {point.name for point in points}):
        log.warning("no plugin is named %r, which settings disable%s", name, _nearest(name, [p.name for p in points]))
    for point in points:
        if point.name not in disabled:
            _load(plugins, point)
    return plugins


def _nearest(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(known), 1, 0)
    return f"; did you mean {near[0]!r}?" if near else ""


def _ordered(points: Iterable[EntryPoint]) -> list[EntryPoint]:
    """Built-ins first, then by name; an entry point seen twice (two paths to one distribution) once."""
    unique = {(p.name, p.value): p for p in points}
    return sorted(unique.values(), key=lambda p: (_distribution(p)[0] != BUILT_IN_DISTRIBUTION, p.name))


def _distribution(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist else ("", "")


def _load(plugins: Plugins, point: EntryPoint) -> None:
    name, version = _distribution(point)
    info = PluginInfo(point.name, name, version)
    plugins.infos.append(info)
    try:
        plugin = point.load()
        plugins.manager.register(plugin, point.name)
        unknown = [h for h in dir(plugin) if h.startswith("firstlight_") and not hasattr(hookspecs, h)]
        if unknown:
            raise PluginError(f"unknown hook {unknown[0]}")
        found = _register(plugins, point.name, plugin)
    except Exception as error:
        if plugins.manager.has_plugin(point.name):
            plugins.manager.unregister(name=point.name)
        info.error = f"{type(error).__name__}: {error}"
        log.warning("plugin %s was not loaded: %s", point.name, info.error)
        return
    plugins.registrations.update(found)
    info.components = tuple(found)
    info.hooks = tuple(sorted(c.name for c in plugins.manager.get_hookcallers(plugin) or ()))


def _register(plugins: Plugins, plugin_name: str, plugin: object) -> dict[str, Registration]:
    found: dict[str, Registration] = {}

    def register(
        role: str,
        name: str,
        factory: Callable[..., Any],
        *,
        config: type[BaseModel] | None = None,
        replaces: str | None = None,
    ) -> None:
        taken = found.get(name) or plugins.registrations.get(name)
        if taken:
            raise PluginError(f"component {name!r} is already registered by plugin {taken.plugin!r}")
        found[name] = Registration(name, role, plugin_name, factory, config, replaces)

    for role in ROLES:
        implementation = getattr(plugin, f"firstlight_register_{role}", None)
        if implementation is not None:
            implementation(register=partial(register, role))
    return found
