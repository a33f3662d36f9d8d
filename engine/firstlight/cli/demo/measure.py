"""How good it is: one fold of the new-user protocol, measured once and kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from firstlight.cli.evaluate import run_evaluation
from firstlight.cli.output import progress_bars
from firstlight.cli.quality import show_quality

PROTOCOL = "new-user"


def show_measured(out: Console, home: Path, catalog_id: str) -> None:
    """Print the table and where the report is; the second time from what the first one found."""
    result = _measured(home, catalog_id)
    out.rule("[bold]How good is it? Users held out of training, one fold of five", align="left")
    show_quality(out, result["rows"])
    out.print(f"Report with plots: {result['report']}", soft_wrap=True)


def _measured(home: Path, catalog_id: str) -> dict[str, Any]:
    from firstlight.cli.options import opened
    from firstlight.training import TrainOptions

    with opened(home) as (settings, store):
        for record in store.list_evaluations(catalog_id):
            if record.protocol == PROTOCOL and Path(record.result["report"]).exists():
                return dict(record.result)
        with progress_bars() as progress:
            return run_evaluation(
                store,
                settings,
                catalog_id,
                protocol=PROTOCOL,
                folds=1,
                options=TrainOptions(preset="small", seed=0),
                out=None,
                progress=progress,
            )
