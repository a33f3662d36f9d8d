"""The tree of commands."""

from __future__ import annotations

from typing import Annotated

import typer

from firstlight.cli import bundles, compare, data, demo, evaluate, home, plugins, recommend, serve, train, tune
from firstlight.cli.plugged import CommandGroup

HELP = """Recommendations for people and items nobody has seen before.

Begin with the demo, or with your own files:

firstlight demo

firstlight init

firstlight import --interactions ratings.csv --items items.csv --users users.csv

firstlight train

firstlight serve
"""


def build_app() -> typer.Typer:
    """The whole command line; plugins' commands are looked for where they are needed."""
    app = typer.Typer(
        name="firstlight",
        cls=CommandGroup,
        help=HELP,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        add_completion=False,
    )
    app.callback(invoke_without_command=True)(_root)
    home.add_to(app)
    data.add_to(app)
    train.add_to(app)
    evaluate.add_to(app)
    compare.add_to(app)
    tune.add_to(app)
    serve.add_to(app)
    recommend.add_to(app)
    app.add_typer(bundles.app, name="bundles")
    app.add_typer(plugins.app, name="plugins")
    demo.add_to(app)
    return app


def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        from firstlight import __version__

        print(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())
