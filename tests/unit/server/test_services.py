import asyncio
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from firstlight.domain import Query
from firstlight.errors import PreconditionError, Reason, UnavailableError
from firstlight.pipeline import Stopwatch
from firstlight.server.fence import Fence
from firstlight.server.services import training
from firstlight.server.services.recommendations import RecommendationService
from firstlight.server.services.training import TrainingService
from firstlight.settings import ServeSettings, init_home
from firstlight.store import Store, open_store
from firstlight.v1.training_service_pb2 import CreateTrainingJobRequest


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    opened = open_store(init_home(tmp_path / "home"))
    yield opened
    opened.close()


def test_a_server_without_training_says_so(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "find_spec", lambda name: None)
    service = TrainingService(SimpleNamespace(store=store, settings=init_home(tmp_path / "home")))
    with pytest.raises(PreconditionError, match=r"firstlight\[train\]") as caught:
        asyncio.run(service.CreateTrainingJob(CreateTrainingJobRequest(), None))
    assert caught.value.reason is Reason.EXTRA_NOT_INSTALLED
    assert store.list_jobs() == []


class SlowUsers:
    """A recommender whose users take as long to load as they are held back, and then may fail to."""

    def __init__(self, failure: Exception | None = None) -> None:
        self.failure = failure
        self.released = threading.Event()
        self.loaded: set[str] = set()

    def is_loaded(self, catalog_id: str) -> bool:
        return True

    def missing_users(self, catalog_id: str, queries: Sequence[Query]) -> list[str]:
        return sorted({q.user_id for q in queries if q.user_id} - self.loaded)

    def load_users(self, catalog_id: str, user_ids: Sequence[str]) -> None:
        self.released.wait(10)
        if self.failure:
            raise self.failure
        self.loaded |= set(user_ids)

    def may_wait(self, catalog_id: str) -> bool:
        return False

    def recommend(
        self, catalog_id: str, queries: Sequence[Query], *, cached_only: bool, remaining_s: float
    ) -> list[bool]:
        assert cached_only
        assert 0 < remaining_s <= 10
        return [query.user_id in self.loaded for query in queries]


def answers(recommender: SlowUsers, *, token: int = 0, release_after_s: float) -> list[bool]:
    async def blocking(function: object, *arguments: object) -> object:
        return await asyncio.to_thread(function, *arguments)

    async def reach(token: int, *, timeout_s: float) -> None:
        assert token

    async def run() -> list[bool]:
        backend = SimpleNamespace(
            recommender=recommender,
            fence=Fence(ServeSettings()),
            blocking=blocking,
            follower=SimpleNamespace(reach=reach),
            progressed=lambda: None,
        )
        asyncio.get_running_loop().call_later(release_after_s, recommender.released.set)
        found = await RecommendationService(backend)._recommend(
            "default", [Query("u"), Query()], token, 10.0, Stopwatch()
        )
        recommender.released.set()
        return list(found)

    return asyncio.run(run())


def test_the_answer_does_not_wait_for_sql() -> None:
    began = time.monotonic()
    assert answers(SlowUsers(), release_after_s=1) == [False, False]
    assert time.monotonic() - began < 0.9


@pytest.mark.parametrize("token", [0, 3])
def test_the_answer_does_without_a_store_that_fails(token: int) -> None:
    recommender = SlowUsers(UnavailableError("down"))
    assert answers(recommender, token=token, release_after_s=0) == [False, False]


def test_a_reader_of_a_write_waits() -> None:
    assert answers(SlowUsers(), token=3, release_after_s=0.2) == [True, False]
