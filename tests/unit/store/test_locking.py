from __future__ import annotations

import itertools
import subprocess
import sys
import threading
import time

import pytest

from firstlight.errors import UnavailableError
from firstlight.store.locking import only_writer

HOLD = """
import sys, time
from pathlib import Path
from firstlight.store.locking import only_writer
with only_writer(Path(sys.argv[1]), timeout_s=10):
    print("in", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def held(tmp_path):
    """A database that another process writes to."""
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path / "x.db")], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "in\n"
    yield process
    process.kill()
    process.communicate()


def test_it_waits_for_another_process_as_long_as_it_is_told(held, tmp_path):
    began = time.monotonic()
    with pytest.raises(UnavailableError, match="busy"), only_writer(tmp_path / "x.db", timeout_s=0.2):
        raise AssertionError("two are in")
    assert 0.2 <= time.monotonic() - began < 5
    with only_writer(tmp_path / "other.db", timeout_s=0.2):
        pass


def test_who_dies_has_left(held, tmp_path):
    threading.Timer(0.2, held.kill).start()
    with only_writer(tmp_path / "x.db", timeout_s=10):
        pass


def test_who_has_just_written_waits_behind_who_waits(tmp_path):
    order: list[str] = []

    def write(name):
        for _ in range(20):
            with only_writer(tmp_path / "x.db", timeout_s=10):
                order.append(name)
                time.sleep(0.005)

    threads = [threading.Thread(target=write, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    both = order[order.index("b") if order[0] == "a" else order.index("a") :][:30]
    assert sum(one == other for one, other in itertools.pairwise(both)) <= 6


def test_no_place_for_the_lock(tmp_path):
    with pytest.raises(UnavailableError, match="No such file"), only_writer(tmp_path / "no" / "x.db", timeout_s=1):
        pass
