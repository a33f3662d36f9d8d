"""Commands that plugins register. No plugin is imported until help, or a name that is not built in, asks for them."""

from __future__ import annotations

import logging
import os
import sys
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperGroup

from firstlight.cli.options import home_path
from firstlight.errors import FirstlightError, PluginError

if TYPE_CHECKING:
    from firstlight.plugins import PluginRules, Registration

GROUP = "firstlight.plugins"
"""As in ``firstlight.plugins``, which is too heavy to import for help; a test compares the two."""

PANEL = "Plugin commands"
# typer exports BadParameter but not the base of all errors in the use of a command line.
_MEANT: tuple[type[BaseException], ...] = (
    FirstlightError,
    typer.BadParameter.__mro__[2],
    typer.Exit,
    typer.Abort,
    OSError,
)
"""What a command may raise to say something; anything else is its fault."""

log = logging.getLogger(__name__)


class CommandGroup(TyperGroup):
    """All commands: the built-in ones first, then plugins', which can neither break nor replace those."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._looked = False
        self._owners: dict[str, str] = {}
        self._broken: dict[str, str] = {}

    def list_commands(self, ctx: Any) -> list[str]:
        """Names of all commands; those of plugins only where they can be had."""
        try:
            self._look_for(home_path(None))
        except Exception as error:
            log.warning("commands of plugins are left out: %s", error, exc_info=error)
        return list(super().list_commands(ctx))

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The command that ``args`` begin with.

        Raises:
            PluginError: it is a plugin's and cannot be used.
            InvalidInputError: a setting of the home named in ``args`` is wrong.
        """
        if args and args[0] not in self.commands:
            self._look_for(home_path(_home_in(args)))
            if args[0] in self._broken:
                raise PluginError(self._broken[args[0]])
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command. A plugin's says with ``typer.Exit`` or ``sys.exit`` what its exit code is, as Typer has it.

        Raises:
            PluginError: a plugin's command failed.
        """
        try:
            result = super().invoke(ctx)
        except _MEANT:
            raise
        except (Exception, SystemExit) as error:
            owner = self._owners.get(ctx.invoked_subcommand or "")
            if owner is None or isinstance(error.__context__, BrokenPipeError):
                raise
            if isinstance(error, SystemExit):
                raise _exit(error) from error
            raise PluginError(
                f"command {ctx.invoked_subcommand!r} of plugin {owner!r} failed: {type(error).__name__}: {error} "
                "(FIRSTLIGHT_DEBUG=1 shows where)"
            ) from error
        return None if ctx.invoked_subcommand in self._owners else result

    def _look_for(self, home: Path) -> None:
        """Add plugins' commands, once."""
        if self._looked:
            return
        self._looked = True
        if not _may_be_any(home):
            return
        from firstlight.plugins import load_plugins

        built_in = set(self.commands)
        for registration in load_plugins(_rules(home)).of_role("cli_command"):
            name, plugin = registration.name, registration.plugin
            if name in built_in:
                log.warning("command %s of plugin %s is left out: there is a built-in one", name, plugin)
                continue
            try:
                self.commands[name] = _converted(registration)
            except Exception as error:  # whatever a plugin annotates, the other commands work
                self._broken[name] = (
                    f"command {name!r} of plugin {plugin!r} cannot be used: {type(error).__name__}: {error}"
                )
                log.warning("%s", self._broken[name], exc_info=error)
            else:
                self._owners[name] = plugin


def _converted(registration: Registration) -> Any:
    """A Click command of what was registered: a function, or a ``typer.Typer`` however few commands it has."""
    if registration.config is not None:
        raise PluginError("a command takes no config: it has options")
    scratch = typer.Typer(rich_markup_mode="markdown", add_completion=False)
    scratch.callback()(lambda: None)
    if isinstance(registration.factory, typer.Typer):
        scratch.add_typer(registration.factory, name=registration.name, rich_help_panel=PANEL)
    else:
        scratch.command(registration.name, rich_help_panel=PANEL)(registration.factory)
    return typer.main.get_group(scratch).commands[registration.name]


def _exit(error: SystemExit) -> Exception:
    if error.code is None or isinstance(error.code, int):
        return typer.Exit(error.code or 0)
    print(error.code, file=sys.stderr)
    return typer.Exit(1)


def _home_in(arguments: Sequence[str]) -> Path | None:
    """What ``--home`` says among the arguments of a command that is not known yet."""
    for n, argument in enumerate(arguments):
        if argument == "--":
            break
        name, _, value = argument.partition("=")
        if name == "--home":
            given = value or "".join(arguments[n + 1 : n + 2])
            return Path(given) if given else None
    return None


def _may_be_any(home: Path) -> bool:
    """Whether anything but built-in plugins, which register no command, may be loaded; without reading all settings."""
    from importlib.metadata import entry_points

    if "FIRSTLIGHT_LOAD_PLUGINS" in os.environ:
        return True
    if any(point.dist is None or point.dist.name != "firstlight" for point in entry_points(group=GROUP)):
        return True
    try:
        return bool(tomllib.loads((home / "firstlight.toml").read_text("utf-8")).get("load_plugins"))
    except FileNotFoundError:
        return False
    except (OSError, ValueError):  # reading all settings says what is wrong
        return True


def _rules(home: Path) -> PluginRules:
    from firstlight.settings import Settings, rules_of_environment

    return Settings.load(home).plugin_rules if (home / "firstlight.toml").exists() else rules_of_environment()
