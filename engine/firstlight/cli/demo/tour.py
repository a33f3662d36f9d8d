"""The demo from beginning to end."""

from __future__ import annotations

import os
import time
from pathlib import Path

from firstlight.cli.demo.films import Films
from firstlight.cli.demo.live_film import FILM, show_live_film
from firstlight.cli.demo.measure import show_measured
from firstlight.cli.demo.people import NEWCOMER, show_newcomer, show_warm_user
from firstlight.cli.demo.prepare import prepare
from firstlight.cli.demo.server import running_server
from firstlight.cli.output import console
from firstlight.client import Client

CODE = """from firstlight.client import Client
with Client.connect("127.0.0.1:7070") as client:
    answer = client.recommend(profile={"age": 24, "gender": "F"}, history={"183": 5.0, "313": 1.0})
    for item in answer.items:
        print(item.item_id, item.score, item.reason_text)"""


def run_tour(home: Path, catalog_id: str) -> None:
    """Prepare a bundle in ``home``, serve it, show what it answers over gRPC, and how good it is.

    Raises:
        PreconditionError: ``home`` is in use for something else.
    """
    start = time.monotonic()
    out = console()
    _share_cores()
    prepare(out, home, catalog_id)
    with running_server(home) as address, Client.connect(address, catalog_id=catalog_id) as client:
        client.delete_users([NEWCOMER])  # of an earlier run
        client.delete_items([FILM])
        films = Films(client)
        bundle = client.get_bundle()
        out.print(f"Serving bundle {bundle.bundle_id} with {len(films)} films at {address}")
        show_warm_user(out, client, films)
        show_newcomer(out, client, films)
        show_live_film(out, client, films)
    show_measured(out, home, catalog_id)
    out.rule("[bold]Your turn", align="left")
    out.print(f"firstlight serve --home {home}, and then in Python:", soft_wrap=True)
    out.print(CODE, style="green", markup=False, soft_wrap=True)
    out.print(f"The demo took {time.monotonic() - start:.0f} s", style="dim")


def _share_cores() -> None:
    """Two trainings run side by side: each takes half of the cores. Numeric libraries read this when they load."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, str(max(1, (os.cpu_count() or 2) // 2)))
