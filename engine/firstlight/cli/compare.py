"""``firstlight compare``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from firstlight.cli.bundles import find_bundle
from firstlight.cli.options import Catalog, Home, Json, opened
from firstlight.cli.output import console, print_json, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from firstlight.training.gate import Comparison


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("compare")(compare)


def compare(
    bundle_a: Annotated[str, typer.Argument(help="Bundle id, enough of its beginning to be unique, or active.")],
    bundle_b: Annotated[str, typer.Argument(help="The bundle that is compared with it, named likewise.")],
    *,
    home: Home = None,
    catalog: Catalog = "default",
    as_json: Json = False,
) -> None:
    """Say where BUNDLE_B is better or worse than BUNDLE_A, as the gate does: on what neither had seen.

    Both keep each held-out user's NDCG@10 from before they were fitted on everything; nothing is trained or scored.

    Examples:

        firstlight compare active 20260314T101500

        firstlight compare 20260312 20260314 --json
    """
    from firstlight.bundle import Manifest
    from firstlight.training.gate import compare as compare_results
    from firstlight.training.results import results_of

    with opened(home) as (settings, store):
        records = [find_bundle(store, catalog, name) for name in (bundle_a, bundle_b)]
        old, new = (results_of(Manifest.read(settings.bundles / record.path)) for record in records)
    found = compare_results(new, old)
    first, second = (record.bundle_id for record in records)
    unjudged = sorted({result.name for result in (*old, *new)} - {c.slice_name for c in found})
    summary = _summary(found, first, second)
    if as_json:
        slices = [{**asdict(c), "verdict": c.verdict} for c in found]
        document = {"bundle_a": first, "bundle_b": second, "slices": slices, "not_compared": unjudged}
        print_json({**document, "summary": summary})
        return
    _show(found, first, second)
    if unjudged:
        print(f"Not compared, fewer than 30 users in both: {', '.join(unjudged)}")
    print(summary)


def _show(found: Sequence[Comparison], first: str, second: str) -> None:
    rows = [
        (
            c.slice_name,
            f"{c.old:.4f}",
            f"{c.new:.4f}",
            f"{c.difference:+.4f}",
            f"{c.low:+.4f} to {c.high:+.4f}",
            f"±{c.luck:.4f}",
            c.users,
            c.verdict,
        )
        for c in found
    ]
    title = f"NDCG@10: A = {first}, B = {second}; intervals hold together with 95 % confidence"
    columns = ("slice", "A>", "B>", "B − A>", "interval>", "luck>", "users>", "B is")
    if rows:
        console().print(table(*columns, rows=rows, title=title))


def _summary(found: Sequence[Comparison], first: str, second: str) -> str:
    if not found:
        return f"{first} and {second} cannot be compared: no slice has 30 users in both"
    worse = [c.slice_name for c in found if c.worse]
    if worse:
        return f"{second} is worse than {first} in {len(worse)} of {len(found)} slices: {', '.join(worse)}"
    return f"{second} is not worse than {first} anywhere: {len(found)} slices compared"
