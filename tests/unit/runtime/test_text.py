import numpy as np
import pytest

from firstlight.errors import InvalidInputError

pytest.importorskip("tokenizers")
pytest.importorskip("onnxruntime")

from firstlight.runtime.text import TextModel


@pytest.fixture(scope="module")
def model(text_folder):
    return TextModel(text_folder)


def test_near_in_meaning_is_near(model) -> None:
    rows = model(["a space war film", "a film of war among the stars", "a romantic comedy"])
    assert rows.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    nearness = rows @ rows.T
    assert nearness[0, 1] > nearness[0, 2] + 0.1


def test_vectors_do_not_depend_on_the_batch(model) -> None:
    texts = ["short", "a rather longer text " * 5, "short", ""]
    together = model(texts)
    alone = np.concatenate([TextModel(model.folder)([text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_no_texts(model) -> None:
    assert model([]).shape == (0, 384)


def test_a_very_long_text_is_cut(model) -> None:
    assert np.isfinite(model(["word " * 10_000])).all()


def test_the_key_names_folder_and_weights(model) -> None:
    assert model.key == "minilm@8199be6f699a395f"


def test_missing_and_broken_files_are_named(tmp_path) -> None:
    with pytest.raises(InvalidInputError, match=r"model\.onnx"):
        TextModel(tmp_path)
    (tmp_path / "model.onnx").write_bytes(b"")
    with pytest.raises(InvalidInputError, match=r"tokenizer\.json"):
        TextModel(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    with pytest.raises(InvalidInputError, match="not a tokenizer"):
        TextModel(tmp_path)
