import numpy as np
import pytest

from firstlight_plugins.projection.features import CENTRES, DENSE, PAIR, SMOOTH, FeatureMap

NAMES = ("genre=a", "genre=b", "year=≤2", "year=≥3", "year", "title~0")
CONTENT = np.array(
    [
        [1, 1, 1, 0, -1.5, 0.5],
        [1, 1, 1, 0, -0.5, 0.1],
        [0, 1, 0, 1, 0.5, 0.2],
        [1, 0, 0, 1, 1.5, 0.3],
        [0, 0, 0, 0, 0.0, 0.0],
    ],
    np.float32,
)


@pytest.fixture
def features() -> FeatureMap:
    return FeatureMap.of(CONTENT, NAMES)


def test_blocks(features) -> None:
    found = features(CONTENT)
    assert found.shape == (5, len(features.kinds))
    np.testing.assert_array_equal(found[:, 0], 1)
    np.testing.assert_array_equal(found[:, 1:6], CONTENT[:, [0, 1, 2, 3, 5]])
    pairs = found[:, features.kinds == PAIR]
    # a with b, a with ≤2 and b with ≤2 are held together twice; nothing else is
    assert pairs.sum(axis=0).tolist() == [2, 2, 2]


def test_a_curve_peaks_at_the_rank_of_a_number(features) -> None:
    curves = features(CONTENT)[:, features.kinds == SMOOTH]
    assert curves.argmax(axis=1)[:4].tolist() == [2, 6, 10, 14]  # mid-ranks 1/8, 3/8, 5/8, 7/8 of 0 to 16


def test_a_missing_number_has_no_curve(features) -> None:
    assert not features(CONTENT)[4, features.kinds == SMOOTH].any()


def test_weights_leave_blocks_out(features) -> None:
    weights = np.array([1.0, 1.0, 0.0, 0.5, 0.0])
    some = features.weighted(weights)
    assert set(some.kinds) == set(features.kinds) - {DENSE, SMOOTH}
    whole = features(CONTENT) * weights[features.kinds]
    np.testing.assert_allclose(some(CONTENT), whole[:, weights[features.kinds] > 0])
    assert features.weighted(np.array([1.0, 1.0, 0.0, 0.0, 2.0]))(CONTENT).shape[1] == 5 + CENTRES


def test_no_content_is_a_constant() -> None:
    np.testing.assert_array_equal(FeatureMap.of(np.zeros((3, 0), np.float32), ())(np.zeros((2, 0), np.float32)), 1)
