"""Somebody new, and what they did: see README.md."""

import sys

from firstlight.client import Client

with Client.connect(sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1:7070", timeout_s=5) as client:
    answer = client.recommend(profile={"age": 25}, history={"item-02": 5.0}, limit=5)
    for item in answer.items:
        print(item.item_id, round(item.score, 3), item.reason_text)

    written = client.write_interactions([{"user_id": "ada", "item_id": "item-02", "value": 5.0}])
    client.recommend("ada", min_write_token=written.write_token)
