from __future__ import annotations

import pytest

from firstlight.domain.ids import is_valid_id, validate_catalog_id, validate_id
from firstlight.errors import InvalidInputError

GOOD = ["1", "a b", "x" * 256, "é" * 128, "日本語", "%/\\'\""]
BAD = ["", "x" * 257, "é" * 129, "a\nb", "\0", "\x1f", "\x7f", "\x85", "é\x1f", "\ud800"]


@pytest.mark.parametrize("value", GOOD)
def test_good_ids(value):
    assert is_valid_id(value)
    assert validate_id(value, field="item_id") == value


@pytest.mark.parametrize("value", BAD)
def test_bad_ids_are_refused_by_field(value):
    assert not is_valid_id(value)
    with pytest.raises(InvalidInputError) as caught:
        validate_id(value, field="items[3].item_id")
    assert caught.value.violations[0].field == "items[3].item_id"


def test_catalog_ids():
    assert validate_catalog_id("my-shop_1") == "my-shop_1"
    for value in ("", "A", "a b", "x" * 64, "a\n", "é"):
        with pytest.raises(InvalidInputError, match="catalog_id"):
            validate_catalog_id(value)
