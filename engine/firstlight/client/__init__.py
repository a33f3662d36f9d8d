"""The Python client: grpcio, protobuf and googleapis-common-protos, nothing more.

::

    from firstlight.client import Client

    with Client.connect("127.0.0.1:7070") as client:
        answer = client.recommend(profile={"age": 25}, history={"50": 5.0}, limit=10)
        for item in answer.items:
            print(item.item_id, item.score, item.reason_text)

Requests are made from plain Python values; answers are the messages of ``firstlight.v1``. Every failure is an exception
of :mod:`firstlight.errors` with the server's reason and violations.
"""

from firstlight.client.aio import AsyncClient
from firstlight.client.batches import Written
from firstlight.client.calls import newest, query
from firstlight.client.sync import Client
from firstlight.client.values import Value, attributes_of

__all__ = ["AsyncClient", "Client", "Value", "Written", "attributes_of", "newest", "query"]
