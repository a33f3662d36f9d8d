"""The loaded plugins: typed registrations, and their hooks."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pluggy

from firstlight.errors import PluginError
from firstlight.plugins.registration import Registration
from firstlight.plugins.rules import BUILT_IN_DISTRIBUTION

log = logging.getLogger(__name__)


class PluginState(StrEnum):
    """What became of a plugin."""

    LOADED = "loaded"
    FAILED = "failed"
    BLOCKED = "blocked"


@dataclass(slots=True)
class PluginInfo:
    """One plugin that was found. ``error`` says why it failed; a blocked one was not imported."""

    name: str
    distribution: str
    version: str
    hooks: tuple[str, ...] = ()
    components: tuple[str, ...] = ()
    state: PluginState = PluginState.LOADED
    error: str = ""


@dataclass(slots=True)
class Plugins:
    """What plugins registered, in order. ``strict``: a component that cannot be created is an error."""

    manager: pluggy.PluginManager
    infos: list[PluginInfo] = field(default_factory=list)
    registrations: dict[str, Registration] = field(default_factory=dict)
    strict: bool = False
    trace: bool = False

    def of_role(self, *roles: str) -> list[Registration]:
        """Registrations for any of ``roles``, in order, less those another one replaces."""
        replaced = {r.replaces for r in self.registrations.values()}
        return [r for r in self.registrations.values() if r.role in roles and r.name not in replaced]

    def distribution_of(self, component: str) -> str:
        """The distribution whose plugin is, or registered, ``component``; the built-in one for an unknown name."""
        registration = self.registrations.get(component)
        plugin = component if registration is None else registration.plugin
        return next((info.distribution for info in self.infos if info.name == plugin), BUILT_IN_DISTRIBUTION)

    def created(self, role: str, settings: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
        """A new component of every registration for ``role``; one that cannot be created is logged and left out.

        ``settings``: the tables ``[plugins.<component>]``.

        Raises:
            PluginError: one cannot be created, and ``strict``.
        """
        found: dict[str, Any] = {}
        for registration in self.of_role(role):
            try:
                found[registration.name] = registration.create(settings.get(registration.name))
            except Exception as error:
                if self.strict:
                    raise PluginError(f"{role} {registration.name!r} cannot be used: {error}") from error
                log.error("%s %s cannot be used: %s", role, registration.name, error)
        return found

    def implementations(self, hook: str) -> list[pluggy.HookImpl]:
        """Who implements ``hook``, in pluggy's order of calls: the last one loaded first."""
        caller: pluggy.HookCaller = getattr(self.manager.hook, hook)
        return caller.get_hookimpls()[::-1]

    def call(self, hook: str, implementation: pluggy.HookImpl, arguments: Mapping[str, Any]) -> Any:
        """One implementation's result; it is given those ``arguments`` that it accepts, and may raise."""
        accepted = {name: arguments[name] for name in implementation.argnames}
        if not self.trace:
            return implementation.function(**accepted)
        start = time.perf_counter()
        try:
            result = implementation.function(**accepted)
        except Exception as error:
            self.tell(f"{implementation.plugin_name}: {hook} raised {error!r}")
            raise
        taken_us = (time.perf_counter() - start) * 1e6
        self.tell(f"{implementation.plugin_name}: {hook}({', '.join(accepted)}) took {taken_us:.0f} µs")
        return result

    def tell(self, line: str) -> None:
        """Print ``line`` to standard error where hook calls are traced."""
        if self.trace:
            print(f"plugin trace: {line}", file=sys.stderr, flush=True)

    def observe(self, hook: str, **arguments: Any) -> None:
        """Tell every observer of ``hook``; a failing one is logged and the others are still told."""
        for implementation in self.implementations(hook):
            try:
                self.call(hook, implementation, arguments)
            except Exception:
                log.exception("plugin %s failed in %s", implementation.plugin_name, hook)
