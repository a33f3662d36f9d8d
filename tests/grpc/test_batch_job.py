import json
from pathlib import Path

import pytest

from firstlight.cli.batch import run_batch
from firstlight.client import Client, query
from firstlight.pipeline import Recommender
from firstlight.plugins import load_plugins
from firstlight.settings import Settings
from firstlight.store import Store
from firstlight.v1.recommendation_pb2 import Scenario

pytestmark = pytest.mark.xdist_group("grpc")


def test_the_batch_job_answers_what_the_server_answers(
    client: Client, settings: Settings, store: Store, tmp_path: Path
) -> None:
    asked = [
        {"query_id": "a", "user_id": "user-7"},
        {"query_id": "b", "profile": {"taste": "loud", "age": "40"}},
        {"query_id": "c", "history": [{"item_id": "item-00", "rating": 5}, {"item_id": "item-01", "rating": 1}]},
        {"query_id": "d", "user_id": "user-8", "exclude": ["item-00", "item-02"]},
    ]
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, asked)), encoding="utf-8")
    recommender = Recommender(store, settings, load_plugins())
    run_batch(recommender, "default", tmp_path / "queries.jsonl", tmp_path / "out.jsonl", limit=10)
    offline = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    served = client.batch_recommend(
        [
            query("user-7", limit=10),
            query(profile={"taste": "loud", "age": 40}, limit=10),
            query(history={"item-00": 5, "item-01": 1}, limit=10),
            query("user-8", exclude=["item-00", "item-02"], limit=10),
        ]
    )
    for line, answer in zip(offline, served, strict=True):
        assert [item["item_id"] for item in line["items"]] == [item.item_id for item in answer.items]
        assert [item["score"] for item in line["items"]] == pytest.approx([i.score for i in answer.items], abs=1e-5)
        assert [item["source"] for item in line["items"]] == [item.source for item in answer.items]
        assert f"SCENARIO_{line['scenario']}" == Scenario.Name(answer.scenario)
        assert line["bundle"] == answer.bundle_id
