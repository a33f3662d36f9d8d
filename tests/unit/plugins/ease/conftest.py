from collections.abc import Callable

import numpy as np
import pytest

from firstlight.domain import Dataset, Histories, ItemTable, Schema, TrainingData


def made(histories: Histories, items: int, *, has_values: bool, has_times: bool) -> TrainingData:
    """Users and items without attributes; every fourth user validates."""
    users = len(histories)
    dataset = Dataset(
        Schema(users=(), items=(), has_values=has_values, has_times=has_times, positive_value=4.0),
        tuple(f"u{n}" for n in range(users)),
        tuple(f"i{n:04}" for n in range(items)),
        ({},) * users,
        ({},) * items,
        histories,
    )
    return TrainingData(
        dataset=dataset,
        profiles=np.zeros((users, 0), np.float32),
        profile_names=(),
        profile_fields=(),
        items=ItemTable(np.zeros((items, 0), np.float32), dataset.counts()),
        content_names=(),
        validation=np.arange(3, users, 4),
    )


@pytest.fixture
def data_of() -> Callable[..., TrainingData]:
    return made


@pytest.fixture(scope="package")
def ordered() -> TrainingData:
    """300 users who walk along a ring of 200 items and now and then go on from elsewhere; no values."""
    generator = np.random.default_rng(0)
    rows = []
    for _ in range(300):
        row = [int(generator.integers(200))]
        while len(row) < 12:
            row.append((row[-1] + 1) % 200 if generator.random() < 0.8 else int(generator.integers(200)))
        rows.append(row)
    times = [[1_000 * n for n in range(len(row))] for row in rows]
    return made(Histories.from_rows(rows, times=times), 200, has_values=False, has_times=True)
