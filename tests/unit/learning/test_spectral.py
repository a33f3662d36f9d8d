import numpy as np

from firstlight.domain import Histories
from firstlight.learning import content_codes, item_codes


def test_spectral_codes_bring_items_chosen_together_together():
    rows = [[0, 1, 2], [0, 1], [1, 2], [3, 4], [4, 5], [3, 5]]
    codes = item_codes(Histories.from_rows(rows), items=7, width=4, seed=0)
    alike = codes @ codes.T
    assert alike[:3, :3].min() > alike[:3, 3:6].max()
    assert not codes[6].any()
    content = np.array([[1, 0]] * 3 + [[0, 1]] * 3 + [[1, 0]], np.float32)
    projected = content @ content_codes(content, codes, np.array([2, 3, 2, 2, 2, 2, 0]))
    assert projected[6] @ codes[0] > projected[6] @ codes[3]
