import json

import pytest

from firstlight.cli.batch import run_batch
from firstlight.domain import Scenario
from firstlight.errors import InvalidInputError, PreconditionError, Violation
from firstlight.pipeline import Recommendation, RecommendedItem


class Echo:
    """Recommends each query its own user id, and remembers the batches it was asked for."""

    def __init__(self):
        self.batches = []

    def recommend(self, catalog_id, queries):
        self.batches.append((catalog_id, [query.user_id for query in queries], {query.limit for query in queries}))
        return [
            Recommendation((RecommendedItem(f"for-{q.user_id}", 0.5, "popularity"),), Scenario.NEW_USER, "p", "b1", "")
            for q in queries
        ]


class Strict(Echo):
    """Refuses whoever is called u3, as the engine refuses a profile it cannot read."""

    def recommend(self, catalog_id, queries):
        for n, query in enumerate(queries):
            if query.user_id == "u3":
                field = f"queries[{n}].profile.age"
                raise InvalidInputError(f"{field} is no number", violations=[Violation(field, "is no number")])
        return super().recommend(catalog_id, queries)


class Broken(Echo):
    def recommend(self, catalog_id, queries):
        if self.batches:
            raise PreconditionError("no active bundle")
        return super().recommend(catalog_id, queries)


@pytest.fixture
def queries(tmp_path):
    path = tmp_path / "queries.jsonl"
    path.write_text("".join(json.dumps({"query_id": f"q{n}", "user_id": f"u{n}"}) + "\n" for n in range(5)))
    return path


def test_answers_come_in_order_and_in_batches(tmp_path, queries):
    out, echo, shares = tmp_path / "out.jsonl", Echo(), []
    assert run_batch(echo, "books", queries, out, limit=3, batch_size=2, progress=lambda _, s: shares.append(s)) == 5
    assert echo.batches == [("books", ["u0", "u1"], {3}), ("books", ["u2", "u3"], {3}), ("books", ["u4"], {3})]
    assert shares == [0.4, 0.8, 1.0]
    lines = [json.loads(line) for line in out.read_text().splitlines()]
    assert [line["query_id"] for line in lines] == ["q0", "q1", "q2", "q3", "q4"]
    assert lines[3] == {
        "query_id": "q3",
        "items": [{"item_id": "for-u3", "score": 0.5, "source": "popularity"}],
        "scenario": "NEW_USER",
        "bundle": "b1",
        "route": "",
    }


def test_no_queries_give_an_empty_file(tmp_path):
    (tmp_path / "none.jsonl").write_text("\n")
    assert run_batch(Echo(), "default", tmp_path / "none.jsonl", tmp_path / "out.jsonl", limit=3) == 0
    assert (tmp_path / "out.jsonl").read_text() == ""


def test_a_bad_line_stops_the_job_before_the_first_answer_and_keeps_what_was_there(tmp_path, queries):
    queries.write_text(queries.read_text() + "{}\n")
    out, echo = tmp_path / "out.jsonl", Echo()
    out.write_text("earlier")
    with pytest.raises(InvalidInputError, match="line 6: query_id is missing"):
        run_batch(echo, "default", queries, out, limit=3, batch_size=2)
    assert echo.batches == []
    assert out.read_text() == "earlier"


def test_what_the_engine_refuses_is_named_by_its_line(tmp_path, queries):
    queries.write_text("\n" + queries.read_text())
    with pytest.raises(InvalidInputError) as caught:
        run_batch(Strict(), "default", queries, tmp_path / "out.jsonl", limit=3, batch_size=2)
    assert str(caught.value) == f"{queries}, line 5: profile.age is no number"
    assert [one.field for one in caught.value.violations] == [f"{queries}, line 5: profile.age"]


def test_a_failure_half_way_leaves_no_half_file(tmp_path, queries):
    out = tmp_path / "out.jsonl"
    with pytest.raises(PreconditionError):
        run_batch(Broken(), "default", queries, out, limit=3, batch_size=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["queries.jsonl"]
