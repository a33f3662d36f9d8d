"""``firstlight recommend``: one list from a running server, or a file of queries without one."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from firstlight.cli.options import Catalog, Home, Json, home_path, load_plugins, load_settings, opened
from firstlight.cli.output import print_json, progress_bars, show_table
from firstlight.errors import InvalidInputError

DEFAULT_LIMIT = 20
LARGEST_LIMIT = 2**31 - 1
"""What the wire can carry; the server cuts it further."""


def add_to(app: typer.Typer) -> None:
    """Add the command."""
    app.command("recommend")(recommend)


def recommend(
    *,
    user: Annotated[str, typer.Option(help="User id; unknown ones are new users.")] = "",
    profile: Annotated[
        list[str] | None, typer.Option(help="NAME=VALUE, repeatable: what is known of the user.", show_default=False)
    ] = None,
    history: Annotated[
        list[str] | None, typer.Option(help="ITEM or ITEM=RATING, repeatable, oldest first.", show_default=False)
    ] = None,
    limit: Annotated[int, typer.Option(help="Items a list; 0 means 20.")] = 20,
    route: Annotated[
        str, typer.Option(help="full, fast, or empty: as the server finds best.", show_default=False)
    ] = "",
    address: Annotated[
        str, typer.Option(help="Server to ask, HOST:PORT. Default: [serve] host and port.", show_default=False)
    ] = "",
    queries: Annotated[
        Path | None, typer.Option(help="Batch job: JSON Lines, a query a line; needs no server.", show_default=False)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Batch job: where the answers go.", show_default=False)] = None,
    home: Home = None,
    catalog: Catalog = "default",
    as_json: Json = False,
) -> None:
    """Ask a running server for one list, or answer a file of queries.

    Examples:

        firstlight recommend --user 42

        firstlight recommend --profile age=25 --profile gender=F --history 50=5 --history 100=2

        firstlight recommend --queries queries.jsonl --limit 10 --out answers.jsonl
    """
    if limit < 0:
        raise InvalidInputError(f"--limit must be at least 0, not {limit}")
    if route not in {"", "full", "fast"}:
        raise InvalidInputError(f"--route must be full or fast, not {route!r}")
    if queries is None and out is None:
        from firstlight.cli.queries import history_of, profile_of

        answer = _ask(
            address or _served_at(home),
            catalog,
            user_id=user,
            profile=profile_of(profile or []),
            history=history_of(history or []),
            limit=min(limit, LARGEST_LIMIT),
            route=route,
        )
        _print_answer(answer, as_json=as_json)
        return
    if queries is None or out is None:
        raise InvalidInputError("--queries and --out go together")
    if user or profile or history or route:
        raise InvalidInputError("--user, --profile, --history and --route do not go with --queries")
    if out.is_dir() or not out.absolute().parent.is_dir():
        raise InvalidInputError(f"--out {out} is a directory or lies in none")
    _answer_file(home, catalog, queries, out, limit=limit or DEFAULT_LIMIT, as_json=as_json)


def _served_at(home: Path | None) -> str:
    """Where ``firstlight serve`` with the same home listens; asking a server elsewhere needs no home."""
    from firstlight.settings import SETTINGS_FILE, ServeSettings

    known = (home_path(home) / SETTINGS_FILE).exists()
    serve = load_settings(home).serve if known else ServeSettings()
    return f"[{serve.host}]:{serve.port}" if ":" in serve.host else f"{serve.host}:{serve.port}"


def _ask(address: str, catalog: str, *, history: Any, **asked: Any) -> Any:
    from firstlight.client import Client

    with Client.connect(address, catalog_id=catalog, wait_for_ready=False) as client:
        return client.recommend(history=[(entry.item_id, entry.value) for entry in history], **asked)


def _print_answer(answer: Any, *, as_json: bool) -> None:
    if as_json:
        print_json(_document(answer))
        return
    rows = [(n, i.item_id, f"{i.score:.3f}", i.source, i.reason_text) for n, i in enumerate(answer.items, 1)]
    show_table("", "item", "score>", "source", "why", rows=rows, empty="Nothing to recommend")
    for note in answer.degraded:
        print(f"note: {note.detail or note.component}", file=sys.stderr)


def _answer_file(home: Path | None, catalog: str, queries: Path, out: Path, *, limit: int, as_json: bool) -> None:
    from firstlight.cli.batch import run_batch
    from firstlight.pipeline import Recommender

    with opened(home) as (settings, store), progress_bars() as progress:
        recommender = Recommender(store, settings, load_plugins(settings))
        answered = run_batch(recommender, catalog, queries, out, limit=limit, progress=progress)
    if as_json:
        print_json({"answered": answered, "out": str(out)})
    else:
        print(f"{answered} queries answered: {out}")


def _document(answer: Any) -> dict[str, Any]:
    from firstlight.v1.recommendation_pb2 import Route, Scenario

    return {
        "items": [
            {"item_id": i.item_id, "score": i.score, "source": i.source, "reason": i.reason_text} for i in answer.items
        ],
        "scenario": Scenario.Name(answer.scenario).removeprefix("SCENARIO_"),
        "strategy": answer.strategy,
        "route": Route.Name(answer.route).removeprefix("ROUTE_").lower(),
        "bundle": answer.bundle_id,
        "attribution_token": answer.attribution_token,
        "degraded": [{"component": d.component, "detail": d.detail} for d in answer.degraded],
    }
