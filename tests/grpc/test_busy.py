"""A worker that computes for longer than one may hang is busy, and is not killed."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from firstlight.client import Client
from firstlight.settings import Settings

pytestmark = pytest.mark.xdist_group("grpc")

SLOW = """
import time
import numpy as np
from firstlight import hookimpl

class Slow:
    def rerank(self, queries, positions, values):
        time.sleep(0.07 * len(positions))
        return np.tile(np.arange(positions.shape[1]), (len(positions), 1))

@hookimpl
def firstlight_register_reranker(register):
    register("slow", Slow)
"""
PLUGIN = "slow_reranker"


def test_many_answers_in_a_row_and_a_large_batch_are_no_hang(
    serve_home: Callable[..., object], make_home: Callable[..., Settings], tmp_path: Path
) -> None:
    (tmp_path / f"{PLUGIN}.py").write_text(SLOW)
    environment = {
        "PYTHONPATH": os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]),
        "FIRSTLIGHT_LOAD_PLUGINS": PLUGIN,
        "FIRSTLIGHT_TRUSTED_PLUGINS": PLUGIN,
        "FIRSTLIGHT_SERVE__HANG_TIMEOUT_S": "1",
    }
    home = make_home(tmp_path / "home", "bundle-1").home
    with (
        serve_home(home, **environment) as server,
        Client.connect(server.address, timeout_s=20) as client,
        ThreadPoolExecutor(16) as callers,
    ):
        before = server.workers()
        answers = list(callers.map(lambda _: client.recommend(limit=3), range(16)))
        assert all(len(answer.items) == 3 for answer in answers)
        assert len(client.batch_recommend([{"limit": 3}] * 16)) == 16
        assert server.workers() == before
