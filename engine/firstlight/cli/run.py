"""Runs one command and turns whatever it raises into an exit code and one line on stderr.

Exit codes: 0 done, 1 failed, 2 wrong usage or input, 3 the gate refused a bundle, 130 interrupted, 143 terminated.
"""

from __future__ import annotations

import copy
import logging
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

import typer

from firstlight import logs
from firstlight.cli.app import build_app
from firstlight.errors import FirstlightError, InvalidInputError, Reason

# typer exports BadParameter but not its base, the error of every wrong use of a command line.
UsageError = typer.BadParameter.__mro__[1]

FAILED, WRONG_INPUT, GATE_REFUSED, INTERRUPTED, TERMINATED = 1, 2, 3, 130, 143

log = logging.getLogger(__name__)

TRAIN_MODULES = ("torch", "onnx", "onnxscript", "polars", "matplotlib", "jinja2", "markdown_it", "optuna")


class Terminated(BaseException):
    """SIGTERM arrived: commands clean up as they do for Ctrl-C."""


class _Brief(logging.Formatter):
    """A line a record: its message says what went wrong, and ``FIRSTLIGHT_DEBUG=1`` where."""

    def format(self, record: logging.LogRecord) -> str:
        if not os.environ.get(logs.DEBUG):
            record = copy.copy(record)  # other handlers keep the traceback
            record.exc_info = record.exc_text = None
        return super().format(record)


def run(arguments: Sequence[str]) -> int:
    """The exit code of ``firstlight <arguments>``. ``FIRSTLIGHT_DEBUG=1`` lets tracebacks through."""
    brief = logging.StreamHandler()
    brief.setFormatter(_Brief("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[brief])
    signal.signal(signal.SIGTERM, _terminate)
    try:
        result = build_app()(args=list(arguments), prog_name="firstlight", standalone_mode=False)
        if result == INTERRUPTED:  # newer typer turns Ctrl-C into this result, older raises Abort
            raise KeyboardInterrupt
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", INTERRUPTED, label="")
    except Terminated:
        return _fail("terminated", TERMINATED, label="")
    except (BrokenPipeError, SystemExit):
        # The reader of our output went away (`| head`), upon which Click and Rich would exit with 1: nothing to report,
        # nor may Python report it when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:
        if os.environ.get(logs.DEBUG):
            raise
        return _fail(*_explain(error))


def _terminate(_signal: int, _frame: FrameType | None) -> None:
    raise Terminated


def _explain(error: Exception) -> tuple[str, int]:
    """One line and an exit code for ``error``."""
    if isinstance(error, UsageError):
        context = getattr(error, "ctx", None)
        hint = f" (see {context.command_path} --help)" if context else ""
        return error.format_message() + hint, WRONG_INPUT  # type: ignore[attr-defined]  # on every usage error
    if isinstance(error, FirstlightError):
        if error.reason is Reason.GATE_REFUSED:
            return str(error), GATE_REFUSED
        return str(error), WRONG_INPUT if isinstance(error, InvalidInputError) else FAILED
    if isinstance(error, ModuleNotFoundError) and error.name in TRAIN_MODULES:
        return f"{error.name} is not installed; run: pip install 'firstlight[train]'", FAILED
    if isinstance(error, OSError) and error.strerror:
        where = f": {error.filename}" if error.filename else ""
        return f"{error.strerror}{where}", FAILED
    # A server and its jobs log it, where its text has no place; who runs a command sees their own data.
    text = logs.summary(error) if logs.configured() else f"{type(error).__name__}: {error}"
    return f"internal error: {text} (FIRSTLIGHT_DEBUG=1 shows where)", FAILED


def _fail(message: str, code: int, *, label: str = "error: ") -> int:
    line = " ".join(message.split())
    if logs.configured() == "json":
        log.error(line)
    else:
        print(f"{label}{line}", file=sys.stderr)
    return code
