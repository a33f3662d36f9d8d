import json

from firstlight.domain import Attribute, Kind, Schema


def test_a_schema_survives_json() -> None:
    schema = Schema(
        users=(Attribute("age", Kind.NUMERIC),),
        items=(Attribute("genres", Kind.MULTI, separator="|"), Attribute("vector", Kind.EMBEDDING, size=8)),
        has_values=True,
        types=("view", "buy"),
        positive_value=3.5,
    )
    assert Schema.from_json(json.loads(json.dumps(schema.to_json()))) == schema
