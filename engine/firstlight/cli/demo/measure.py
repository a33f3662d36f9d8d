"""How good it is: one fold of the new-user protocol, measured in a process of its own while the bundle trains."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from firstlight.cli.evaluate import run_evaluation
from firstlight.cli.options import opened
from firstlight.cli.quality import show_quality
from firstlight.errors import FirstlightError

if TYPE_CHECKING:
    from firstlight.roles import Progress
    from firstlight.store import Store

PROTOCOL = "new-user"


def measured(store: Store, catalog_id: str) -> dict[str, Any] | None:
    """What an earlier measurement found, None where there is none or its report is gone."""
    for record in store.list_evaluations(catalog_id):
        if record.protocol == PROTOCOL and Path(record.result["report"]).exists():
            return dict(record.result)
    return None


@contextmanager
def measuring(home: Path, catalog_id: str, progress: Progress) -> Iterator[None]:
    """Measure beside the block and wait for the end of both; when the block fails, the process is ended.

    Raises:
        FirstlightError: the measurement failed.
    """
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_measure, args=(sending, home, catalog_id), daemon=True)
    process.start()
    sending.close()
    problems: list[str] = []
    listener = threading.Thread(target=_listen, args=(receiving, progress, problems), daemon=True)
    listener.start()
    try:
        yield
        process.join()
        listener.join()
    finally:
        process.terminate()
        process.join()
    if process.exitcode:
        raise FirstlightError(f"the evaluation failed: {(problems or ['its process ended'])[-1]}")


def _measure(sending: Connection, home: Path, catalog_id: str) -> None:
    from firstlight.training import TrainOptions

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the demo, which ends this process
    try:
        with opened(home) as (settings, store):
            run_evaluation(
                store,
                settings,
                catalog_id,
                protocol=PROTOCOL,
                folds=1,
                options=TrainOptions(preset="small", seed=0),
                out=None,
                progress=lambda stage, share: sending.send((stage, share)),
            )
    except Exception as error:
        sending.send((str(error) or type(error).__name__, -1.0))
        raise SystemExit(1) from None


def _listen(receiving: Connection, progress: Progress, problems: list[str]) -> None:
    """Pass on what the process says until it ends; a negative share tells of a failure."""
    while True:
        try:
            stage, share = receiving.recv()
        except EOFError:
            return
        if share < 0:
            problems.append(stage)
        else:
            progress(stage, share)


def show_measured(out: Console, home: Path, catalog_id: str) -> None:
    """Print the table and where the report is."""
    with opened(home) as (_, store):
        result = measured(store, catalog_id)
    if result is None:
        return
    out.rule("[bold]How good is it? Users held out of training, one fold of five", align="left")
    show_quality(out, result["rows"])
    out.print(f"Report with plots: {result['report']}", soft_wrap=True)
