"""The first likes of a new item, written over gRPC, move it to those who like the same."""

from collections.abc import Iterator

import pytest

from firstlight.client import Client
from firstlight.testing.running import TrainedHomes, serving

pytestmark = pytest.mark.xdist_group("grpc")
TASTES = ("calm", "loud")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A server of the tiny catalogue, trained with popularity, projection and the fusion."""
    without = ("sequence", "student", "transfer", "factors", "neighbours", "ease")
    engine = TrainedHomes(tmp_path_factory.mktemp("early")).open((), None, without)
    with serving(engine) as server:
        yield server.client
    engine.store.close()


def places(client: Client, token: str) -> list[int]:
    """Where the new item is, among all, for a stranger of each taste."""
    lists = [client.recommend(profile={"taste": taste}, limit=1000, min_write_token=token) for taste in TASTES]
    return [[item.item_id for item in answer.items].index("fresh") for answer in lists]


def test_likes_count_from_their_write_token_on(client: Client) -> None:
    before = places(client, client.upsert_items({"fresh": {}}).write_token)
    calm = [f"user-{n}" for n in range(0, 24, 2)]
    written = client.write_interactions([{"user_id": user, "item_id": "fresh", "value": 5.0} for user in calm])
    after = places(client, written.write_token)
    assert after[0] < before[0], "calm users liked it"
    assert after[1] >= before[1]
