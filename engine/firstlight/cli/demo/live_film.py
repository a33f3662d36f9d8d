"""The scene about an item nobody has rated: added over gRPC, it is recommended at once, to those it suits."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console

from firstlight.cli.demo.films import Films, ids_of
from firstlight.cli.demo.people import complete, describe
from firstlight.cli.output import table
from firstlight.client import Client, attributes_of
from firstlight.client.calls import query

FILM = "demo-the-matrix"
ATTRIBUTES: Mapping[str, str | int] = {"title": "The Matrix", "year": 1999, "genres": "Action|Sci-Fi|Thriller"}
USERS = 200
TOP = 20
DEEP = 200
"""How far down each list the film is looked for."""
NAMED = 3
NEAREST = 5


def show_live_film(out: Console, client: Client, films: Films) -> None:
    """Add the film, then show what it is near to and who gets to see it."""
    token = client.upsert_items({FILM: ATTRIBUTES}).write_token
    films.add(client, FILM)
    out.rule(f"[bold]A film nobody has rated, added a moment ago: {films[FILM].name}", align="left")
    nearest = client.similar_items(FILM, limit=NEAREST, min_write_token=token)
    out.print("Nearest films:")
    films.show(out, nearest)

    people = list(client.list_users(page_size=1000))
    people = people[:: max(1, len(people) // USERS)][:USERS]
    asked = [query(person.user_id, limit=DEEP) for person in people]
    patient = client.with_options(timeout_s=60.0)
    answers = complete(lambda: list(patient.batch_recommend(asked, min_write_token=token)))
    placed = sorted(
        (
            (ids_of(answer).index(FILM) + 1, person, answer)
            for person, answer in zip(people, answers, strict=True)
            if FILM in ids_of(answer)
        ),
        key=lambda row: row[0],
    )
    reached = sum(rank <= TOP for rank, *_ in placed)
    out.print(f"Now in the top {TOP} of {reached} of {len(people)} stored users ({reached / len(people):.0%})")
    if not placed:
        return
    out.print("It stands highest with:")
    rows = [
        (person.user_id, describe(attributes_of(person)), rank, films.why(answer.items[rank - 1]))
        for rank, person, answer in placed[:NAMED]
    ]
    out.print(table("user", "who", "place>", "why", rows=rows))
