import numpy as np
import pytest
from scipy import sparse

from firstlight.errors import InvalidInputError
from firstlight.features.text import BUCKETS, HashedText, principal_directions
from firstlight.features.vectors import Embedding, Text

TEXTS = ["space battle among stars", "a battle of starships in space", "love in old paris", "a paris love story"] * 3


def test_near_texts_are_near() -> None:
    text = Text.fit("title", TEXTS, width=3, seed=0, embed=None)
    assert text is not None
    rows = text.encode([*TEXTS[:4], "", "starships in battle"])
    nearness = rows @ rows.T
    assert nearness[0, 1] > 0.5
    assert nearness[0, 2] < 0.2
    assert rows[4].tolist() == [0] * rows.shape[1]
    assert nearness[5, 1] > nearness[5, 3]
    np.testing.assert_allclose(np.linalg.norm(rows[:4], axis=1), 1, atol=1e-5)


def test_hashing_is_stable_and_rows_have_length_one() -> None:
    hashed = HashedText()
    rows = hashed.fit(TEXTS)
    assert rows.shape == (len(TEXTS), BUCKETS)
    np.testing.assert_allclose(np.asarray(rows.multiply(rows).sum(axis=1)).ravel(), 1, atol=1e-5)
    again = HashedText(hashed.idf).encode(TEXTS)
    assert abs(rows - again).max() == 0
    assert HashedText().encode(["x"]).indices.tolist() == HashedText().encode(["x"]).indices.tolist()


def test_principal_directions_of_a_known_matrix() -> None:
    rows = np.diag([5.0, 3.0, 1.0]).astype(np.float32)
    directions = principal_directions(rows, 2, seed=0)
    np.testing.assert_allclose(directions, [[1, 0], [0, 1], [0, 0]], atol=1e-5)
    as_sparse = principal_directions(sparse.csr_array(rows), 2, seed=1)
    np.testing.assert_allclose(as_sparse, directions, atol=1e-5)


def test_directions_stop_at_the_rank() -> None:
    assert principal_directions(np.ones((5, 4), np.float32), 3, seed=0).shape == (4, 1)


def test_a_text_model_is_used_and_projected() -> None:
    def embed(texts):
        return np.array([[len(t), 1.0, 0.0] for t in texts], np.float32)

    text = Text.fit("title", TEXTS, width=2, seed=0, embed=embed)
    assert text is not None
    assert text.encode(TEXTS).shape == (len(TEXTS), 2)


def test_embeddings_of_a_wrong_size_are_refused() -> None:
    block = Embedding.fit("e", [(3.0, 4.0), None], width=8, seed=0)
    assert block is not None
    np.testing.assert_allclose(block.encode([(3.0, 4.0), None]), [[0.6, 0.8], [0, 0]])
    with pytest.raises(InvalidInputError, match="2 numbers"):
        block.encode([(1.0,)])
