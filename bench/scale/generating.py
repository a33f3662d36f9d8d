"""The data of ``make bench-scale``: drawn from a model that is written down here, from one seed.

n interactions have n / 100 users (50 at least) and 5 √n items (20,000 at most). Tastes and items are vectors of 8
numbers, half of their variance from categorical attributes, the rest their own. Popularity is 1 / rank (Zipf). A user
has 5 interactions and a share of the rest that is log-normal (σ 0.9), at most half of the items in all. Items are drawn
without replacement, in proportion to popularity · exp(taste · item), by an exponential race (Efraimidis and Spirakis
2006). Those that win it come first in the user's history, a day apart on average (exponential), from a start that is
uniform over five years. Ratings are 3.6 + taste · item / 2 + the item's quality + noise, rounded, 1 to 5. One item of a
hundred has no interaction, only attributes. Interactions are in order of time.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

WIDTH = 8
LEAST_USERS = 50
MOST_ITEMS = 20_000
LEAST_LENGTH = 5
USER_ATTRIBUTES = {"age_band": 7, "gender": 2, "region": 20}
ITEM_ATTRIBUTES = {"genre": 18, "language": 12, "decade": 9}
"""Attributes by name, with how many categories each has."""
START_S = 1_577_836_800
"""2020-01-01."""
DAY_S = 86_400
SPAN_S = 5 * 365 * DAY_S
_CELLS = 4_000_000

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Generated:
    """Three tables in the import format."""

    interactions: pl.DataFrame
    items: pl.DataFrame
    users: pl.DataFrame

    def write(self, folder: Path) -> None:
        """``interactions.parquet``, ``items.parquet`` and ``users.parquet``."""
        for name in ("interactions", "items", "users"):
            getattr(self, name).write_parquet(folder / f"{name}.parquet")


def shape(size: int) -> tuple[int, int]:
    """How many users and items ``size`` interactions have."""
    return max(LEAST_USERS, size // 100), min(MOST_ITEMS, round(5 * size**0.5))


def generate(size: int, seed: int) -> Generated:
    """``size`` interactions, 500 or more."""
    rng = np.random.default_rng(seed)
    users, items = shape(size)
    tastes, profiles = _vectors(rng, "user", users, USER_ATTRIBUTES)
    content, attributes = _vectors(rng, "item", items, ITEM_ATTRIBUTES)
    popularity = 1 / (1 + rng.permutation(items).astype(np.float32))
    popularity[rng.choice(items, max(1, items // 100), replace=False)] = 0
    quality = rng.normal(0, 0.4, items).astype(np.float32)
    lengths = _lengths(rng, size, users, items // 2)
    parts = []
    block = max(1, _CELLS // items)
    for start in range(0, users, block):
        rows = slice(start, start + block)
        parts.append(_histories(rng, start, tastes[rows] @ content.T, (popularity, quality), lengths[rows]))
    user, item, rating, time = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.lexsort((item, user, time))
    interactions = pl.DataFrame(
        {
            "user_id": profiles["user_id"].gather(user[order]),
            "item_id": attributes["item_id"].gather(item[order]),
            "rating": rating[order],
            "timestamp": time[order],
        }
    )
    return Generated(interactions, attributes, profiles)


def _vectors(rng: np.random.Generator, kind: str, rows: int, attributes: dict[str, int]) -> tuple[Array, pl.DataFrame]:
    """float32 (rows, 8), of variance 1 / √8 in each place so that products have variance 1; and the attributes."""
    table = {f"{kind}_id": [f"{kind[0]}{n}" for n in range(rows)]}
    known = np.zeros((rows, WIDTH))
    for name, categories in attributes.items():
        chosen = rng.integers(0, categories, rows)
        known += rng.standard_normal((categories, WIDTH))[chosen] / len(attributes) ** 0.5
        table[name] = [f"{name}-{n}" for n in chosen]
    vectors = (known + rng.standard_normal((rows, WIDTH))) / 2**0.5 / WIDTH**0.25
    return vectors.astype(np.float32), pl.DataFrame(table)


def _lengths(rng: np.random.Generator, size: int, users: int, most: int) -> NDArray[np.int64]:
    """int64 (users,): interactions of each; what somebody would have beyond ``most`` is dealt to the others."""
    share = rng.lognormal(0, 0.9, users)
    lengths = np.full(users, LEAST_LENGTH)
    while (rest := size - int(lengths.sum())) > 0:
        room = share * (lengths < most)
        lengths = np.minimum(lengths + rng.multinomial(rest, room / room.sum()), most)
    return lengths


def _histories(
    rng: np.random.Generator, first: int, affinity: Array, items: tuple[Array, Array], lengths: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """User, item, rating and time of users from number ``first`` on; ``affinity`` (users, items) is taste · item.

    ``items``: their popularity and quality, (items,).
    """
    popularity, quality = items
    most = int(lengths.max())
    with np.errstate(divide="ignore", invalid="ignore"):  # who is infinitely slow, or is not in the race, comes last
        race = rng.standard_exponential(affinity.shape, np.float32) / (popularity * np.exp(affinity))
    nearest = np.argpartition(race, most - 1, axis=1)[:, :most]
    order = np.argsort(np.take_along_axis(race, nearest, axis=1), axis=1)
    row, place = np.nonzero(np.arange(most) < lengths[:, None])
    item = np.take_along_axis(nearest, order, axis=1)[row, place]
    liking = 3.6 + affinity[row, item] / 2 + quality[item] + rng.normal(0, 0.8, len(item))
    rating = np.clip(np.rint(liking), 1, 5).astype(np.int64)
    gaps = np.cumsum(rng.exponential(DAY_S, (len(lengths), most)), axis=1)
    time = START_S + rng.uniform(0, SPAN_S, len(lengths))[row] + gaps[row, place]
    return row + first, item, rating, time.astype(np.int64)
