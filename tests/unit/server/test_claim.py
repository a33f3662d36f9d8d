import os
import subprocess
import sys
from pathlib import Path

from firstlight.server.claim import Claim

HOLD = """
import sys
from pathlib import Path
from firstlight.server.claim import Claim
claim = Claim(Path(sys.argv[1]), "127.0.0.1", 7070)
print(claim.take(), flush=True)
sys.stdin.read()
"""


def other(home: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    process.found = process.stdout.readline().strip()
    return process


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate(timeout=10)


def test_a_claim_is_held_until_the_process_ends(tmp_path: Path) -> None:
    claim = Claim(tmp_path, "127.0.0.1", 7070)
    assert claim.holder is None
    holding = other(tmp_path)
    assert claim.holder == holding.pid
    assert Claim(tmp_path, "127.0.0.1", 7071).holder is None
    end(holding)
    assert claim.holder is None  # the file is still there
    assert claim.take() is None
    assert claim.holder == os.getpid()
    claim.close()
    assert list((tmp_path / "run").iterdir()) == []


def test_the_last_who_takes_it_has_it(tmp_path: Path) -> None:
    claim = Claim(tmp_path, "127.0.0.1", 7070)
    claim.take()
    assert not claim.lost
    successor = other(tmp_path)
    assert successor.found == str(os.getpid())
    assert claim.lost
    claim.close()
    assert claim.holder == successor.pid  # closing takes nothing from a successor
    end(successor)
    assert not claim.lost
