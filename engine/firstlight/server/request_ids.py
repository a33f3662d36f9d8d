"""The id of a call, its caller's own or a new one: what the log says of the call names it, and the caller is told."""

from __future__ import annotations

import re
import uuid
from itertools import count
from types import TracebackType
from typing import Any

from firstlight.logs import REQUEST_IDS

KEY = "x-request-id"
"""Where metadata hold it, of a request as of the end of a response."""

_USABLE = re.compile(r"[!-~]{1,128}")
_PROCESS = uuid.uuid4().hex[:12]
_NUMBERS = count(1)


def current() -> str:
    """The id of the call that is being answered; a new one where it has none yet."""
    if not REQUEST_IDS.get():
        REQUEST_IDS.set((f"{_PROCESS}-{next(_NUMBERS):x}",))
    return REQUEST_IDS.get()[0]


def adopt(context: Any, request_id: str) -> None:
    """A call without an id in its metadata takes this one, from a field of its request."""
    if _USABLE.fullmatch(request_id) and not _given(context):
        REQUEST_IDS.set((request_id,))


class Identified:
    """A call that has an id, which its caller is told when it ends; one that fails tells it with its status."""

    __slots__ = ("_context",)

    def __init__(self, _method: str, context: Any) -> None:
        self._context = context

    def __enter__(self) -> None:
        given = _given(self._context)
        if given:
            REQUEST_IDS.set((given,))
        current()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if error is None:
            self._context.set_trailing_metadata(((KEY, current()),))


def _given(context: Any) -> str:
    for key, value in context.invocation_metadata() or ():
        if key == KEY and isinstance(value, str) and _USABLE.fullmatch(value):
            return str(value)
    return ""
