import base64
from types import SimpleNamespace

import pytest
from hypothesis import given, strategies as st

from firstlight.errors import InvalidInputError
from firstlight.server.checks import Checks
from firstlight.server.paging import Page


def page_of(size: int = 0, token: str = "", kind: str = "items") -> Page:
    with Checks() as checks:
        return Page.of(SimpleNamespace(page_size=size, page_token=token), kind, checks)


@pytest.mark.parametrize(("asked", "given_size"), [(0, 100), (1, 1), (1000, 1000), (1001, 1000), (2**31 - 1, 1000)])
def test_sizes(asked: int, given_size: int) -> None:
    assert page_of(asked).size == given_size


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=64))
def test_a_token_leads_to_its_key(key: str) -> None:
    shown, token = page_of(1).cut([key, "more"], str)
    assert shown == [key]
    assert page_of(1, token) == Page("items", 1, key)


def test_the_last_page_has_no_token() -> None:
    assert page_of(2).cut(["a", "b"], str) == (["a", "b"], "")
    assert page_of(2).cut([], str) == ([], "")


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "====",
        "é",
        base64.urlsafe_b64encode(b"users:a").decode(),
        base64.urlsafe_b64encode(b"items:").decode(),
        base64.urlsafe_b64encode(b"items:\xff").decode(),
        base64.urlsafe_b64encode(b"items:\0").decode(),
        base64.urlsafe_b64encode(b"items:" + b"a" * 5000).decode(),
    ],
)
def test_foreign_tokens(token: str) -> None:
    with pytest.raises(InvalidInputError, match="page_token"):
        page_of(1, token)


def test_a_negative_size() -> None:
    with pytest.raises(InvalidInputError, match="page_size"):
        page_of(-1)
