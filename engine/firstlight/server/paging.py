"""Pages of a list: their size, and tokens that name where the next one begins."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from firstlight.domain.ids import is_valid_id
from firstlight.server import limits
from firstlight.server.checks import Checks

T = TypeVar("T")

FOREIGN_TOKEN = "was not given by this list"


class _Paged(Protocol):
    """A request for a page."""

    @property
    def page_size(self) -> int: ...

    @property
    def page_token(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Page:
    """``size`` elements of the list ``kind`` that come after the key ``after``, empty for the first page."""

    kind: str
    size: int
    after: str

    @classmethod
    def of(cls, request: _Paged, kind: str, checks: Checks) -> Page:
        """What ``request`` asks for."""
        if request.page_size < 0:
            checks.add("page_size", "must not be negative")
        size = min(request.page_size or limits.DEFAULT_PAGE, limits.MAX_PAGE)
        after = ""
        if request.page_token:
            try:
                after = _key(kind, request.page_token)
            except (ValueError, binascii.Error):
                checks.add("page_token", FOREIGN_TOKEN)
        return cls(kind, size, after)

    def cut(self, found: Sequence[T], key: Callable[[T], str]) -> tuple[Sequence[T], str]:
        """The page among ``found``, up to ``size + 1`` elements, and the token of the next one."""
        if len(found) <= self.size:
            return found, ""
        page = found[: self.size]
        return page, base64.urlsafe_b64encode(f"{self.kind}:{key(page[-1])}".encode()).decode()


def _key(kind: str, token: str) -> str:
    if len(token) > limits.MAX_PAGE_TOKEN:
        raise ValueError
    found, _, key = base64.b64decode(token, altchars=b"-_", validate=True).decode().partition(":")
    if found != kind or not is_valid_id(key):
        raise ValueError
    return key
