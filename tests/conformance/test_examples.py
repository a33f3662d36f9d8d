"""The Python client's examples work; those of the other languages are run by their own tests."""

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parents[2] / "clients/python/examples"


def run(example, address):
    command = [sys.executable, str(EXAMPLES / example), address]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()


def test_the_examples_run(firstlight_server):
    address = firstlight_server().address
    listed = run("recommend.py", address)
    assert len(listed) == 5
    assert all(line.startswith("item-") and not line.startswith("item-02 ") for line in listed)
    assert run("five_calls.py", address)[-1] == "ITEM_NOT_FOUND"
