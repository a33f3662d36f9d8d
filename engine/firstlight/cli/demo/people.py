"""Scenes about people: a user the bundle knows well, and one that nobody has seen before."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from rich.console import Console

from firstlight.cli.demo.films import SHOWN, Films, ids_of
from firstlight.client import Client, attributes_of
from firstlight.v1.recommendation_pb2 import Degradation, Recommendation

UNREAD = Degradation.REASON_USER_STATE_UNAVAILABLE
TRIES = 20

WARM_USER = "405"
"""The user with the most ratings."""

NEWCOMER = "demo-newcomer"
PROFILE: Mapping[str, str | int] = {"age": 24, "gender": "F", "occupation": "student"}
FIRST_RATINGS = {"183": 5, "89": 5, "313": 1}
"""Alien, Blade Runner; not Titanic."""
LATER_RATINGS = {"176": 5, "135": 5, "195": 4, "288": 2, "200": 4, "185": 5, "179": 4}
"""Aliens, 2001, The Terminator, not Scream, The Shining, Psycho, A Clockwork Orange."""


def describe(profile: Mapping[str, Any]) -> str:
    """``student, F, 24``."""
    return f"{profile.get('occupation', 'user')}, {profile.get('gender', '?')}, {profile.get('age', 0):.0f}"


def complete(ask: Callable[[], list[Recommendation]]) -> list[Recommendation]:
    """The answers once the server holds the state of all users in memory.

    A first question about a user is answered within its deadline even where the store is slow, and then says so.
    """
    for _ in range(TRIES):
        answers = ask()
        if not any(note.reason == UNREAD for answer in answers for note in answer.degraded):
            break
        time.sleep(0.2)
    return answers


def show_warm_user(out: Console, client: Client, films: Films) -> None:
    """The list of a user with a long history."""
    user = client.get_user(WARM_USER)
    (answer,) = complete(lambda: [client.recommend(WARM_USER)])
    out.rule(f"[bold]A user we know: {WARM_USER} ({describe(attributes_of(user))})", align="left")
    films.show(out, answer)


def show_newcomer(out: Console, client: Client, films: Films) -> None:
    """The list of a new user by profile alone, after three ratings, and after ten."""
    token = client.upsert_users({NEWCOMER: PROFILE}).write_token
    out.rule(f"[bold]A new user: {describe(PROFILE)}, nothing else known", align="left")
    answer = client.recommend(NEWCOMER, min_write_token=token)
    films.show(out, answer)
    for number, ratings in ((3, FIRST_RATINGS), (10, LATER_RATINGS)):
        before = ids_of(answer)
        token = client.write_interactions(
            {"user_id": NEWCOMER, "item_id": item_id, "value": float(value)} for item_id, value in ratings.items()
        ).write_token
        answer = client.recommend(NEWCOMER, min_write_token=token)
        out.rule(f"[bold]The same user after {number} ratings", align="left")
        out.print("Rated now: " + ", ".join(f"{films[i].title} [bold]{v}[/]" for i, v in ratings.items()))
        films.show(out, answer, before=before)
        after = ids_of(answer)[:SHOWN]
        moved = sum(i not in before[:SHOWN] for i in after)
        out.print(
            f"{moved} of these {SHOWN} were not among the first {SHOWN} before; nothing was trained in between",
            style="dim",
        )
