import numpy as np

from firstlight.domain import Histories
from firstlight_plugins.ease.problems import SHOWN, USERS, Problems


def test_what_is_to_be_found_is_not_learnt_from(ordered) -> None:
    problems = Problems.of(ordered)
    assert len(problems.few) == len(SHOWN)
    assert len(problems.training.user_ids) == len(ordered.training)
    assert 100 < len(problems.known.histories) <= USERS
    learnt = problems.training.histories
    assert len(learnt.items) < len(ordered.dataset.histories.take(ordered.training).items)
    rows = {tuple(learnt.of(row)) for row in range(len(learnt))}
    assert {tuple(problems.known.histories.of(row)) for row in range(len(problems.known.histories))} <= rows
    shown, relevant = problems.known.question.queries.histories, problems.known.question.relevant
    assert not relevant[shown.rows, shown.items].any()
    assert relevant.any(axis=1).all()


def test_quality_rewards_what_comes_next(ordered) -> None:
    problems = Problems.of(ordered)

    def scores(step: int) -> list[np.ndarray]:
        found = []
        for histories in problems.histories:
            values = np.zeros((len(histories), 200), np.float32)
            values[histories.rows, (histories.items + step) % 200] = 1 + histories.ranks()
            found.append(values)
        return found

    assert problems.quality(scores(1)) > 2 * problems.quality(scores(30))


def test_large_catalogues_rank_targets_and_popular_items(data_of, monkeypatch) -> None:
    monkeypatch.setattr("firstlight_plugins.ease.problems.COLUMNS", 20)
    rows = [[0, 1, 2, 3, 40 + n % 3, 44 + n % 3] for n in range(40)]
    problems = Problems.of(data_of(Histories.from_rows(rows), 50, has_values=False, has_times=True))
    assert len(problems.columns) == 20
    assert {0, 1, 2, 3, *range(40, 43), *range(44, 47)} <= set(problems.columns.tolist())
    known = problems.known.question
    assert known.relevant.shape[1] == len(problems.prior) == 20
    assert set(problems.columns[np.flatnonzero(known.relevant.any(axis=0))]) <= set(range(44, 47))
    assert problems.known.histories.items.max() == 42
