"""The kit of commands."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import typer
from typer.testing import CliRunner

from firstlight.roles import CliCommand
from firstlight.testing.contracts.common import Contract

WRONG_USE = 2


class CliCommandContract(Contract):
    """Tests of the role ``cli_command``. ``component`` is the command itself, ``arguments`` a use of it that succeeds.

    ``expected`` is a part of what that use prints.
    """

    arguments: ClassVar[Sequence[str]] = ()
    expected: ClassVar[str] = ""

    @classmethod
    def app(cls) -> typer.Typer:
        """A command line with the command, named ``it``, alone."""
        app = typer.Typer(add_completion=False)
        app.callback()(_root)
        command: Any = cls.component
        if isinstance(command, typer.Typer):
            app.add_typer(command, name="it")
        else:
            app.command("it")(command)
        return app

    def run(self, *arguments: str) -> Any:
        """The result of ``firstlight it <arguments>``."""
        return CliRunner().invoke(self.app(), ["it", *arguments], env={"COLUMNS": "100", "NO_COLOR": "1"})

    def test_has_the_role(self) -> None:
        """It can be called."""
        assert isinstance(type(self).component, CliCommand)

    def test_it_runs(self) -> None:
        """The use in ``arguments`` succeeds, and prints what is expected."""
        result = self.run(*self.arguments)
        assert result.exit_code == 0, f"{result.output}{result.exception!r}"
        assert self.expected in result.output

    def test_it_helps(self) -> None:
        """``--help`` works, and says what the command, and each command below it, is for."""
        assert self.run("--help").exit_code == 0
        tree: Any = typer.main.get_command(self.app())
        command = tree.commands["it"]
        for name, each in {"it": command, **getattr(command, "commands", {})}.items():
            assert (each.help or "").strip(), f"{name} has no help: write a docstring"

    def test_an_option_that_does_not_exist(self) -> None:
        """Wrong use is told as such, with exit code 2."""
        assert self.run("--no-such-option").exit_code == WRONG_USE


def _root() -> None:
    """The command line of the kit."""
