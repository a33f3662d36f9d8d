"""Discovery and order: blocked ones left out, then built-ins, entry points by name, modules named in settings.

A plugin that fails to import, to validate or to register is left out whole; its error is kept for ``plugins list``.
"""

from __future__ import annotations

import inspect
import logging
import re
from collections.abc import Callable, Iterable
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import pluggy
from pydantic import BaseModel

from firstlight import hookspecs
from firstlight.errors import PluginError
from firstlight.plugins.registration import Registration, nearest
from firstlight.plugins.registry import PluginInfo, Plugins, PluginState
from firstlight.plugins.rules import BUILT_IN_DISTRIBUTION, PluginRules, named
from firstlight.roles import ROLES

GROUP = "firstlight.plugins"

_PREFIX = "firstlight_"
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]*")

log = logging.getLogger(__name__)


def load_plugins(rules: PluginRules | None = None, *, extra: Iterable[EntryPoint] = ()) -> Plugins:
    """Find, import and register every plugin that ``rules`` permit; ``extra``: entry points beside the installed ones.

    Raises:
        PluginError: a plugin has a fault, and the rules are strict. Otherwise no plugin's fault is ever raised.
    """
    rules = rules or PluginRules()
    manager = pluggy.PluginManager(hookspecs.NAMESPACE)
    manager.add_hookspecs(hookspecs)
    plugins = Plugins(manager, strict=rules.strict, trace=rules.trace)
    points = [*_ordered([*entry_points(group=GROUP), *extra]), *(EntryPoint(m, m, GROUP) for m in rules.explicit)]
    _warn_of_unknown(rules, points)
    for point in points:
        info = PluginInfo(point.name, *_distribution(point))
        plugins.infos.append(info)
        if rules.permit(point.name, info.distribution):
            _load(plugins, point, info)
        else:
            info.state = PluginState.BLOCKED
            plugins.tell(f"{point.name}: blocked, not imported")
    faults = [f"{info.name}: {info.error}" for info in plugins.infos if info.error]
    if rules.strict and faults:
        raise PluginError("strict_plugins is set and plugins have faults: " + "; ".join(faults))
    return plugins


def _warn_of_unknown(rules: PluginRules, points: Iterable[EntryPoint]) -> None:
    found = [(point.name, _distribution(point)[0]) for point in points]
    for key, names in (("disable_plugins", rules.block), ("allow_plugins", rules.allow or ())):
        for name in names:
            if not any(named([name], *each) for each in found):
                hint = nearest(name, [each for pair in found for each in pair if each])
                log.warning("no plugin or distribution is named %r, as in %s%s", name, key, hint)


def _ordered(points: Iterable[EntryPoint]) -> list[EntryPoint]:
    """Built-ins first, then by name; an entry point seen twice (two paths to one distribution) once."""
    unique = {(p.name, p.value): p for p in points}
    return sorted(unique.values(), key=lambda p: (_distribution(p)[0] != BUILT_IN_DISTRIBUTION, p.name))


def _distribution(point: EntryPoint) -> tuple[str, str]:
    return (point.dist.name, point.dist.version) if point.dist else ("", "")


def _load(plugins: Plugins, point: EntryPoint, info: PluginInfo) -> None:
    try:
        plugin = point.load()
        _check_hooks(plugin)
        plugins.manager.register(plugin, point.name)
        found = _register(plugins, info, plugin)
    except (Exception, SystemExit) as error:  # whatever a plugin raises, an exit included, the engine goes on
        if plugins.manager.has_plugin(point.name):
            plugins.manager.unregister(name=point.name)
        info.state = PluginState.FAILED
        info.error = f"{type(error).__name__}: {error}"
        log.warning("plugin %s was not loaded: %s", point.name, info.error)
        plugins.tell(f"{point.name}: failed, {info.error}")
        return
    plugins.registrations.update(found)
    info.components = tuple(found)
    info.hooks = tuple(sorted(c.name for c in plugins.manager.get_hookcallers(plugin) or ()))
    plugins.tell(f"{point.name}: loaded, registers {', '.join(found) or 'nothing'}")


def _check_hooks(plugin: object) -> None:
    """A misspelt hook, or one without its mark, would never be called."""
    known = [name for name in vars(hookspecs) if name.startswith(_PREFIX)]
    for name in dir(plugin):
        function = getattr(plugin, name, None)
        if not name.startswith(_PREFIX) or not inspect.isroutine(function):
            continue
        if name not in known:
            raise PluginError(f"unknown hook {name}{nearest(name, known)}")
        if not hasattr(function, f"{hookspecs.NAMESPACE}_impl"):
            raise PluginError(f"{name} is not marked with @hookimpl")


def _register(plugins: Plugins, info: PluginInfo, plugin: object) -> dict[str, Registration]:
    found: dict[str, Registration] = {}

    def register(
        role: str,
        name: str,
        factory: Callable[..., Any],
        *,
        config: type[BaseModel] | None = None,
        replaces: str | None = None,
    ) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise PluginError(f"{name!r} is no component name: use a-z, 0-9, _ and -")
        if not callable(factory):
            raise PluginError(f"the factory of component {name!r} cannot be called")
        if config is not None and not (isinstance(config, type) and issubclass(config, BaseModel)):
            raise PluginError(f"config of component {name!r} is no pydantic model")
        taken = found.get(name) or plugins.registrations.get(name)
        if taken:
            raise PluginError(f"component {name!r} is already registered by plugin {taken.plugin!r}")
        if replaces is not None and replaces not in plugins.registrations:
            hint = nearest(replaces, plugins.registrations)
            raise PluginError(f"component {name!r} replaces {replaces!r}, which is not there{hint}")
        found[name] = Registration(name, role, info.name, factory, config, replaces, info.distribution)

    for role in ROLES:
        implementation = getattr(plugin, f"{_PREFIX}register_{role}", None)
        if implementation is not None:
            implementation(register=partial(register, role))
    return found
