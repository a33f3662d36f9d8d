"""What a plugin registered, and how a component is made of it."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from firstlight.errors import InvalidInputError, PluginError, Reason
from firstlight.roles import ROLES


@dataclass(frozen=True, slots=True)
class Registration:
    """One component a plugin offers."""

    name: str
    role: str
    plugin: str
    factory: Callable[..., Any]
    config: type[BaseModel] | None = None
    replaces: str | None = None
    distribution: str = ""

    def create(self, settings: Mapping[str, Any] | None = None) -> Any:
        """A new component with ``settings``, the keys under ``[plugins.<name>]``.

        Raises:
            InvalidInputError: a setting is unknown or has a wrong value.
            PluginError: what the factory makes does not have the methods of its role.
        """
        component = self.factory(*self._arguments(dict(settings or {})))
        _check_role(self.name, self.role, component)
        return component

    def _arguments(self, settings: dict[str, Any]) -> list[BaseModel]:
        if self.config is None:
            if settings:
                raise InvalidInputError(f"component {self.name!r} takes no settings", reason=Reason.SETTINGS_INVALID)
            return []
        unknown = sorted(set(settings) - set(self.config.model_fields))
        if unknown:
            hint = nearest(unknown[0], self.config.model_fields)
            raise InvalidInputError(
                f"unknown setting {unknown[0]!r} for component {self.name!r}{hint}", reason=Reason.SETTINGS_INVALID
            )
        try:
            return [self.config.model_validate(settings)]
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise InvalidInputError(
                f"setting {where!r} of component {self.name!r}: {first['msg']}", reason=Reason.SETTINGS_INVALID
            ) from error


def nearest(name: str, known: Iterable[str]) -> str:
    """``; did you mean ...?``, empty where nothing is known."""
    near = difflib.get_close_matches(name, list(known), 1, 0)
    return f"; did you mean {near[0]!r}?" if near else ""


def _check_role(name: str, role: str, component: object) -> None:
    """Every method of the role is there and takes what the role's method takes."""
    protocol = ROLES[role]
    for method, specified in inspect.getmembers(protocol, inspect.isfunction):
        if method.startswith("_"):
            continue
        found = getattr(component, method, None)
        if not callable(found):
            raise PluginError(f"component {name!r} is no {role}: it has no method {method}")
        _check_signature(name, method, found, specified)
    if not isinstance(component, protocol):
        annotated = {name for base in protocol.__mro__ for name in vars(base).get("__annotations__", {})}
        wanted = annotated | {name for name in dir(protocol) if not name.startswith("_")}
        missing = sorted(wanted - set(dir(component)))
        raise PluginError(f"component {name!r} is no {role}: it has no attribute {', '.join(missing)}")


def _check_signature(name: str, method: str, found: Callable[..., Any], specified: Callable[..., Any]) -> None:
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):  # a callable written in C tells none
        return
    parameters = list(inspect.signature(specified).parameters.values())[1:]
    by_name = {p.name: None for p in parameters if p.kind is p.KEYWORD_ONLY}
    try:
        signature.bind(*[None for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD], **by_name)
    except TypeError as error:
        wanted = ", ".join(p.name for p in parameters)
        raise PluginError(f"component {name!r}: {method}{signature} does not take ({wanted}): {error}") from None
