"""The command line: ``firstlight ...``. A command imports what it needs when it runs, so that help is instant."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command in ``sys.argv`` and exit with its code."""
    try:
        from firstlight.cli.run import run  # the light client has no typer
    except ModuleNotFoundError as error:
        if error.name not in {"typer", "rich"}:
            raise
        print("error: the command line is not installed; run: pip install 'firstlight[all]'", file=sys.stderr)
        sys.exit(1)
    sys.exit(run(sys.argv[1:]))
