from __future__ import annotations

import pytest

from firstlight.datasets import schema_file
from firstlight.datasets.schema_file import SchemaFile, read_schema_file
from firstlight.domain import Attribute, Kind
from firstlight.errors import InvalidInputError, Reason


def test_the_example_in_the_documentation(write):
    lines = schema_file.__doc__.partition("::")[2].splitlines()
    example = "\n".join(line.strip() for line in lines if line.startswith("    "))
    found = read_schema_file(write("schema.toml", example))
    assert (found.positive_value, found.time_unit_us) == (4.0, 1000.0)
    assert found.items == {
        "title": Attribute("title", Kind.TEXT),
        "genres": Attribute("genres", Kind.MULTI, "|"),
    }
    assert found.users == {"zip_code": Attribute("zip_code", Kind.IGNORE)}


def test_no_file_says_nothing():
    assert read_schema_file(None) == SchemaFile()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[item]\na = 'text'", "unknown key item; did you mean 'items'?"),
        ("[interactions]\npositve_value = 1", "did you mean 'positive_value'?"),
        ("[interactions]\npositive_value = 'x'", "must be a number"),
        ("[interactions]\npositive_value = nan", "must be a number"),
        ("[interactions]\ntime_unit = 'h'", "one of s, ms, us, ns"),
        ("[items]\na = 'txt'", "items.a: unknown kind 'txt'"),
        ("[items]\na = 1", "items.a needs a kind"),
        ("[items]\na = { separator = '|' }", "items.a needs a kind"),
        ("[items]\na = { kind = 'multi', seperator = '|' }", "did you mean 'separator'?"),
        ("[items]\na = { kind = 'multi', separator = '' }", "separator must be text"),
        ("[items]\na = { kind = 'embedding', size = -1 }", "size must be a whole number"),
        ("items = 3", "must be a table"),
        ("[items", "not valid TOML"),
    ],
)
def test_mistakes_are_named(write, text, complaint):
    with pytest.raises(InvalidInputError) as caught:
        read_schema_file(write("schema.toml", text))
    assert complaint in str(caught.value)
    assert caught.value.reason is Reason.INPUT_FILE_INVALID


def test_a_missing_file(tmp_path):
    with pytest.raises(InvalidInputError, match="no such file"):
        read_schema_file(tmp_path / "schema.toml")
