"""``firstlight bundles ...``: which trained versions there are, and which one answers."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firstlight.cli.options import Catalog, Home, Json, load_plugins, opened
from firstlight.cli.output import fields, print_json, show_table
from firstlight.errors import NotFoundError, PreconditionError, Reason

if TYPE_CHECKING:
    from firstlight.settings import Settings
    from firstlight.store import BundleRecord, Store

app = typer.Typer(help="List, inspect, activate and roll back trained bundles.", no_args_is_help=True)

BundleId = Annotated[str, typer.Argument(help="Bundle id, enough of its beginning to be unique, or active.")]
ACTIVE = "active"
PAGE = 1000


@app.command("list")
def list_bundles(home: Home = None, catalog: Catalog = "default", as_json: Json = False) -> None:
    """List a catalogue's bundles, newest first; a star marks the active one.

    Example:

        firstlight bundles list --json
    """
    with opened(home) as (settings, store):
        active = store.active_bundle(catalog)
        records = _all(store, catalog)
    active_id = active.bundle_id if active else ""
    if as_json:
        print_json([_summary(record, settings, active_id) for record in records])
        return
    rows = [
        (
            "*" if r.bundle_id == active_id else "",
            r.bundle_id,
            f"{r.created_at:%Y-%m-%d %H:%M}",
            r.preset,
            r.seed,
            _gate(r),
        )
        for r in records
    ]
    show_table("", "bundle", "created", "preset", "seed>", "gate", rows=rows, empty="No bundles: run firstlight train")


@app.command("show")
def show_bundle(bundle: BundleId, home: Home = None, catalog: Catalog = "default", as_json: Json = False) -> None:
    """Show one bundle: its settings, metrics and gate.

    Example:

        firstlight bundles show 20260314T101500
    """
    with opened(home) as (settings, store):
        active = store.active_bundle(catalog)
        record = find_bundle(store, catalog, bundle)
    summary = _summary(record, settings, active.bundle_id if active else "")
    if as_json:
        print_json(summary)
        return
    fields(
        {
            "bundle": record.bundle_id + (" (active)" if summary["active"] else ""),
            "path": summary["path"],
            "created": f"{record.created_at:%Y-%m-%d %H:%M} UTC",
            "preset, seed": f"{record.preset}, {record.seed}",
            "gate": f"{_gate(record)}: {record.gate.get('reason', '')}",
        }
        | {f"warning {n}": warning for n, warning in enumerate(record.gate.get("warnings", ()), 1)}
    )
    # "component.curve/epoch" are the points of a curve: for the report, not for a table.
    metrics = [(name, f"{value:.4f}") for name, value in sorted(record.metrics.items()) if "/" not in name]
    show_table("metric", "value>", rows=metrics, empty="No metrics")


@app.command("activate")
def activate_bundle(
    bundle: BundleId,
    force: Annotated[bool, typer.Option("--force", help="Activate even where the gate refused it.")] = False,
    home: Home = None,
    catalog: Catalog = "default",
    as_json: Json = False,
) -> None:
    """Let a bundle answer, after it was verified and rehearsed. Running servers follow within a second.

    A bundle that the gate refused needs --force; else the exit code is 3, as for train.

    Example:

        firstlight bundles activate 20260314T101500
    """
    from firstlight.pipeline.checking import CheckHere

    with opened(home) as (settings, store):
        record = find_bundle(store, catalog, bundle)
        CheckHere(settings, load_plugins(settings))(settings.bundles / record.path, rehearsed=True)
        store.activate_bundle(catalog, record.bundle_id, reason="command line", forced=force)
    _activated(record, as_json=as_json)


@app.command("rollback")
def roll_back_bundle(home: Home = None, catalog: Catalog = "default", as_json: Json = False) -> None:
    """Let the previously active bundle answer again.

    Example:

        firstlight bundles rollback
    """
    with opened(home) as (_, store):
        record = store.rollback_bundle(catalog)
    _activated(record, as_json=as_json)


@app.command("verify")
def verify(
    bundle: Annotated[str, typer.Argument(help="As for show; default: the active one.")] = ACTIVE,
    home: Home = None,
    catalog: Catalog = "default",
    as_json: Json = False,
) -> None:
    """Check every file of a bundle against the SHA-256 in its manifest.

    Example:

        firstlight bundles verify
    """
    from firstlight.bundle import verify_bundle

    with opened(home) as (settings, store):
        record = find_bundle(store, catalog, bundle)
    verify_bundle(settings.bundles / record.path)
    if as_json:
        print_json({"bundle": record.bundle_id, "intact": True})
    else:
        print(f"{record.bundle_id}: every file is intact")


def _all(store: Store, catalog: str) -> list[BundleRecord]:
    records: list[BundleRecord] = []
    after = ""
    while page := store.list_bundles(catalog, limit=PAGE, after=after):
        records += page
        after = page[-1].bundle_id
    return sorted(records, key=lambda r: (str(r.created_at), r.bundle_id), reverse=True)


def find_bundle(store: Store, catalog: str, beginning: str) -> BundleRecord:
    """The one bundle whose id begins with ``beginning``, or the active one where that is ``active``.

    Raises:
        NotFoundError: BUNDLE_NOT_FOUND: there is none, or more than one.
        PreconditionError: NO_ACTIVE_BUNDLE.
    """
    if beginning == ACTIVE:
        active = store.active_bundle(catalog)
        if active is None:
            raise PreconditionError(f"catalogue {catalog!r} has no active bundle", reason=Reason.NO_ACTIVE_BUNDLE)
        return active
    found = [r for r in _all(store, catalog) if r.bundle_id.startswith(beginning)]
    exact = [r for r in found if r.bundle_id == beginning]
    if len(exact or found) == 1:
        return (exact or found)[0]
    problem = f"{len(found)} bundles begin with" if found else "no bundle"
    raise NotFoundError(f"{problem} {beginning!r} in catalogue {catalog!r}", reason=Reason.BUNDLE_NOT_FOUND)


def _summary(record: BundleRecord, settings: Settings, active_id: str) -> dict[str, Any]:
    path = str(settings.bundles / record.path)
    return {**asdict(record), "path": path, "active": record.bundle_id == active_id}


def _gate(record: BundleRecord) -> str:
    return str(record.gate.get("decision", ""))


def _activated(record: BundleRecord, *, as_json: bool) -> None:
    if as_json:
        print_json({"active": record.bundle_id})
    else:
        print(f"{record.bundle_id} now answers for catalogue {record.catalog_id!r}")
