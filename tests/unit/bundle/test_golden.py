"""Golden queries as a file."""

import json
from pathlib import Path

import numpy as np
import pytest

from firstlight.bundle import GOLDEN, Golden, GoldenAnswer
from firstlight.domain import Histories, Queries
from firstlight.errors import CorruptBundleError

ANSWER = GoldenAnswer(items=(4, 0), scores=(1.5, -0.25))
USERS = Queries(
    np.array([[0, 0.5, 0], [0, 0, 0]], np.float32),
    Histories.from_rows([[3, 1], []], [[4.0, np.nan], []], [[1, 0], []]),
)


def written(folder: Path, **changed: object) -> Path:
    golden = Golden.of(USERS, [{"full": ANSWER, "fast": ANSWER}, {"full": ANSWER}])
    body = json.loads(golden.model_dump_json())
    body["queries"][0] |= changed
    (folder / GOLDEN).write_text(json.dumps(body))
    return folder


def test_queries_and_answers_come_back(tmp_path: Path) -> None:
    golden = Golden.read(written(tmp_path), items=5, columns=3)
    queries = golden.to_queries(3)
    np.testing.assert_array_equal(queries.profiles, USERS.profiles)
    for name in ("offsets", "items", "values", "types"):
        np.testing.assert_array_equal(getattr(queries.histories, name), getattr(USERS.histories, name))
    assert not queries.histories.times.any()
    positions, scores = golden.answers("fast")
    assert positions[0].tolist() == [4, 0] + [-1] * 8
    assert scores[0, :2].tolist() == [1.5, -0.25]
    assert (positions[1] == -1).all()


def test_a_bundle_without_them_is_none_the_worse(tmp_path: Path) -> None:
    assert Golden.read(tmp_path, items=5, columns=3) is None


@pytest.mark.parametrize(
    ("changed", "problem"),
    [
        ({"items": [3]}, "cannot be read"),
        ({"user_id": "u1"}, "cannot be read"),
        ({"values": [1, "x"]}, "cannot be read"),
        ({"items": [-1, 1]}, "cannot be read"),
        ({"answers": {"slow": {"items": [1], "scores": [1.0]}}}, "cannot be read"),
        ({"answers": {"full": {"items": [1], "scores": []}}}, "cannot be read"),
        ({"answers": {"full": {"items": list(range(11)), "scores": [1.0] * 11}}}, "cannot be read"),
        ({"answers": {"full": {"items": [5], "scores": [1.0]}}}, "there is not"),
        ({"items": [3, 5]}, "there is not"),
        ({"profile": {"3": 1.0}}, "there is not"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(tmp_path: Path, changed: dict, problem: str) -> None:
    with pytest.raises(CorruptBundleError, match=rf"golden\.json .*{problem}") as caught:
        Golden.read(written(tmp_path, **changed), items=5, columns=3)
    assert caught.value.metadata["file"] == GOLDEN
