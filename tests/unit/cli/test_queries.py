import json
from pathlib import Path

import pytest

from firstlight.cli.queries import history_of, profile_of, read_queries
from firstlight.domain import HistoryEntry, Query
from firstlight.errors import InvalidInputError


def write(path: Path, *lines: object) -> Path:
    path.write_text("".join((line if isinstance(line, str) else json.dumps(line)) + "\n" for line in lines))
    return path


def test_a_full_query_is_read_field_by_field(tmp_path):
    line = {
        "query_id": "q1",
        "user_id": "u",
        "profile": {"age": 25, "tags": ["a", "b"], "vector": [1, 0.5], "member": True, "gone": None},
        "history": [{"item_id": "i", "rating": 4, "type": "view", "timestamp": 1.5}, {"item_id": "j"}],
        "candidates": ["x", "y"],
        "exclude": ["z"],
    }
    (named,) = read_queries(write(tmp_path / "q.jsonl", line), limit=7)
    assert named.query_id == "q1"
    assert named.query == Query(
        user_id="u",
        profile={"age": 25, "tags": ("a", "b"), "vector": (1.0, 0.5), "member": True},
        history=(HistoryEntry("i", 4.0, "view", 1_500_000), HistoryEntry("j")),
        candidates=("x", "y"),
        exclude=("z",),
        limit=7,
    )


def test_the_smallest_query_is_an_anonymous_one_and_empty_lines_are_skipped(tmp_path):
    path = write(tmp_path / "q.jsonl", {"query_id": "a"}, "", {"query_id": "b", "candidates": []})
    first, second = read_queries(path, limit=3)
    assert first.query == Query(limit=3)
    assert second.query.candidates == ()


def test_times_are_seconds_or_iso_8601_in_utc_where_no_zone_is_named(tmp_path):
    entries = [{"item_id": "i", "timestamp": t} for t in (0, "1970-01-01T00:00:01", "1970-01-01T01:00:01+01:00")]
    (named,) = read_queries(write(tmp_path / "q.jsonl", {"query_id": "q", "history": entries}), limit=1)
    assert [entry.time_us for entry in named.query.history] == [0, 1_000_000, 1_000_000]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{", "not valid JSON"),
        ("[1]", "not a JSON object"),
        ("[" * 100_000, "not valid JSON"),
        ({}, "query_id is missing"),
        ({"query_id": 5}, "query_id must be a string, not 5"),
        ({"query_id": ""}, "query_id must be 1 to 256 bytes"),
        ({"query_id": "a\x00b"}, "control character"),
        ({"query_id": "q", "user_id": "é" * 129}, "user_id must be 1 to 256 bytes"),
        ({"query_id": "q", "user": "u"}, "user is unknown; did you mean 'user_id'?"),
        ({"query_id": "q", "profile": []}, "profile must be an object"),
        ('{"query_id": "q", "profile": {"age": NaN}}', "profile.age must be a finite number"),
        ({"query_id": "q", "profile": {"x": {"y": 1}}}, "profile.x must be a string"),
        ({"query_id": "q", "history": "i"}, "history must be a list"),
        ({"query_id": "q", "history": [{"item_id": "i"}, {"item_id": 3}]}, "history[1].item_id must be a string"),
        ({"query_id": "q", "history": [{"item_id": "i", "rating": "5"}]}, "history[0].rating must be a finite number"),
        ({"query_id": "q", "history": [{"item_id": "i", "rating": 10**400}]}, "history[0].rating must be a finite"),
        ({"query_id": "q", "history": [{"item_id": "i", "timestamp": "soon"}]}, "history[0].timestamp must be seconds"),
        ({"query_id": "q", "history": [{"item_id": "i", "timestamp": 1e300}]}, "history[0].timestamp must be seconds"),
        ({"query_id": "q", "history": [{"item_id": "i", "value": 5}]}, "history[0] has an unknown key 'value'"),
        ({"query_id": "q", "candidates": ["a", None]}, "candidates[1] is missing"),
        ({"query_id": "q", "exclude": {"a": 1}}, "exclude must be a list"),
    ],
)
def test_a_bad_line_is_named_with_its_number_and_field(tmp_path, line, problem):
    path = write(tmp_path / "q.jsonl", {"query_id": "fine"}, line)
    with pytest.raises(InvalidInputError) as caught:
        list(read_queries(path, limit=1))
    assert str(caught.value).startswith(f"{path}, line 2: ")
    assert problem in str(caught.value)


def test_bytes_that_are_no_utf8_are_a_bad_line(tmp_path):
    path = tmp_path / "q.jsonl"
    path.write_bytes(b'{"query_id": "\xff"}\n')
    with pytest.raises(InvalidInputError, match="line 1: not valid UTF-8"):
        list(read_queries(path, limit=1))


def test_a_missing_file_is_wrong_input(tmp_path):
    with pytest.raises(InvalidInputError, match=r"none\.jsonl: no such file"):
        list(read_queries(tmp_path / "none.jsonl", limit=1))


def test_profile_pairs_keep_text_and_later_equals_signs():
    assert profile_of(["age=25", "motto=a=b", "empty="]) == {"age": "25", "motto": "a=b", "empty": ""}


def test_history_pairs_take_the_last_equals_sign_as_the_rating():
    assert history_of(["50=5", "a=b=2.5", "100"]) == (
        HistoryEntry("50", 5.0),
        HistoryEntry("a=b", 2.5),
        HistoryEntry("100"),
    )


@pytest.mark.parametrize("pair", ["age", "=25"])
def test_a_profile_pair_without_name_or_value_is_refused(pair):
    with pytest.raises(InvalidInputError, match="is not NAME=VALUE"):
        profile_of([pair])


@pytest.mark.parametrize("pair", ["50=good", "50=nan", "50=inf", "=5", ""])
def test_a_history_pair_without_item_or_finite_rating_is_refused(pair):
    with pytest.raises(InvalidInputError, match="--history"):
        history_of([pair])
