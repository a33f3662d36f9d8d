import numpy as np

from firstlight.domain import Evidence, Histories, Queries, Scenario


def test_evidence_counts_what_is_known() -> None:
    histories = Histories.from_rows([[], [1, 2], list(range(11))], [[], [5, 1], [np.nan] * 11])
    profiles = np.array([[0, 0, 0], [1, 0, 1], [0, 1, 0]], np.float32)
    evidence = Evidence.of(
        Queries(profiles, histories), positive_value=4.0, profile_fields=("gender", "gender", "country")
    )
    assert evidence.interactions.tolist() == [0, 2, 11]
    assert evidence.positives.tolist() == [0, 1, 11]
    assert evidence.profile_fields.tolist() == [0, 2, 1]
    assert evidence.scenarios().tolist() == [Scenario.NEW_USER, Scenario.FEW_SHOT, Scenario.WARM]


def test_take_keeps_rows_together() -> None:
    queries = Queries(np.eye(2, dtype=np.float32), Histories.from_rows([[1], [2, 3]]), ({"a": "x"}, {"a": "y"}))
    second = queries.take(np.array([1]))
    assert second.histories.of(0).tolist() == [2, 3]
    assert second.profiles.tolist() == [[0, 1]]
    assert second.attributes == ({"a": "y"},)
