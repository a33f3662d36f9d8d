"""The log of a server and of its training jobs: lines of text or of JSON that name calls and nobody's data."""

from __future__ import annotations

import copy
import json
import logging
import os
import sys
import threading
import traceback
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal

from firstlight.errors import ConflictError, FirstlightError, InvalidInputError, NotFoundError

LogFormat = Literal["text", "json"]

DEBUG = "FIRSTLIGHT_DEBUG"
"""The variable that lets texts of errors into the log, and tracebacks out of the command line."""

REQUEST_IDS: ContextVar[tuple[str, ...]] = ContextVar("request_ids", default=())
"""The calls that are being answered."""

_ABOUT_DATA = (InvalidInputError, NotFoundError, ConflictError)
"""Errors of ours that may name what a caller sent."""

log = logging.getLogger(__name__)


class _Log:
    format: LogFormat | None = None


def configure(log_format: LogFormat) -> None:
    """Log to standard error as ``log_format`` says from now on: warnings, and exceptions that nobody catches, too."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if log_format == "json" else TextLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.captureWarnings(True)
    sys.excepthook = _on_uncaught
    threading.excepthook = lambda caught: _on_uncaught(caught.exc_type, caught.exc_value, caught.exc_traceback)
    _Log.format = log_format


def configured() -> LogFormat | None:
    """What :func:`configure` was told; None before."""
    return _Log.format


def say(line: str) -> None:
    """Print ``line``, or log it where every line is JSON."""
    if _Log.format == "json":
        log.info(line)
    else:
        print(line, flush=True)


def summary(error: BaseException) -> str:
    """``error`` in a line: its text where that cannot hold what somebody sent or stored, else its type alone."""
    told = isinstance(error, FirstlightError) and not isinstance(error, _ABOUT_DATA)
    if told or os.environ.get(DEBUG):
        return str(error) if isinstance(error, FirstlightError) else f"{type(error).__name__}: {error}"
    if isinstance(error, OSError) and error.strerror:
        return f"{type(error).__name__}: {error.strerror}"
    return type(error).__name__


def trace(error: BaseException) -> str:
    """Where ``error``, and what caused it, came from; of each the :func:`summary`."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    lines = [trace(before), "", "then:"] if before else []
    lines += "".join(traceback.format_tb(error.__traceback__)).splitlines()
    name, text = type(error).__name__, summary(error)
    return "\n".join([*lines, text if text.startswith(name) else f"{name}: {text}"])


class _Lines(logging.Formatter):
    """Tells no more of an exception than :func:`summary` and :func:`trace` do."""

    def formatException(self, ei: Any) -> str:  # noqa: N802  # logging's name
        """The trace."""
        return trace(ei[1]) if ei[1] else ""

    def format(self, record: logging.LogRecord) -> str:
        """The record's text, with the ids of the calls that it is about."""
        record = copy.copy(record)  # other handlers see it as it is
        record.exc_text = None
        if isinstance(record.args, tuple):
            record.args = tuple(summary(each) if isinstance(each, BaseException) else each for each in record.args)
        return self._line(record, REQUEST_IDS.get())

    def _line(self, record: logging.LogRecord, request_ids: tuple[str, ...]) -> str:
        raise NotImplementedError


class TextLines(_Lines):
    """For people."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(process)d %(name)s: %(message)s")

    def _line(self, record: logging.LogRecord, request_ids: tuple[str, ...]) -> str:
        if request_ids:
            record.msg, record.args = f"{record.getMessage()} [request_id {', '.join(request_ids)}]", None
        return super(_Lines, self).format(record)


class JsonLines(_Lines):
    """An object a line: ``time``, ``level``, ``logger``, ``message`` and ``process``; ``request_id`` of the call that
    it is about, ``request_ids`` of calls that are answered together; ``error``, a traceback.
    """

    def _line(self, record: logging.LogRecord, request_ids: tuple[str, ...]) -> str:
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
        }
        if len(request_ids) == 1:
            line["request_id"] = request_ids[0]
        elif request_ids:
            line["request_ids"] = request_ids
        if record.exc_info:
            line["error"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def _on_uncaught(kind: type[BaseException], error: BaseException | None, _at: TracebackType | None) -> None:
    log.critical("%s was not caught", kind.__name__, exc_info=error)
