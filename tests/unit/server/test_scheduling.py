"""In a worker no thread interrupts the event loop."""

import json
import os
import subprocess
import sys

import pytest

PROGRAM = """
import asyncio, json, os
import grpc.aio
from firstlight.server.scheduling import let_the_loop_finish

async def main():
    server = grpc.aio.server()
    server.add_insecure_port("127.0.0.1:0")
    await server.start()
    let_the_loop_finish()
    print(json.dumps({task: os.sched_getscheduler(int(task)) for task in os.listdir("/proc/self/task")}))
    print(os.getpid())
    await server.stop(None)

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it is Linux that is told")
def test_only_the_main_thread_interrupts_others() -> None:
    ran = subprocess.run([sys.executable, "-c", PROGRAM], check=True, capture_output=True, text=True, timeout=60)
    told, process = ran.stdout.splitlines()
    threads = json.loads(told)
    assert threads.pop(process) == os.SCHED_OTHER
    assert set(threads.values()) == {os.SCHED_BATCH}
