"""The five calls of docs/clients.md."""

import sys

from firstlight.client import Client
from firstlight.errors import NotFoundError

client = Client.connect(sys.argv[1], catalog_id="default", timeout_s=5)

# 1. Somebody new
answer = client.recommend(profile={"age": 25}, history={"item-02": 5.0}, limit=5)
for item in answer.items:
    print(item.item_id, item.reason_text)

# 2. Read your writes
written = client.write_interactions([{"user_id": "ada", "item_id": "item-02", "value": 5.0}])
answer = client.recommend("ada", min_write_token=written.write_token)

# 3. A new item
written = client.upsert_items({"item-new": {"title": "A new one", "genres": ["calm", "new"]}})
nearest = client.similar_items("item-new", limit=3, min_write_token=written.write_token)

# 4. Every page of a list
user_ids = [user.user_id for user in client.list_users(page_size=500)]

# 5. A failure
try:
    client.get_item("nowhere")
except NotFoundError as error:
    print(error.reason)

# end
client.close()
