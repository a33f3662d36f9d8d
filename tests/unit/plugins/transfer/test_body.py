import numpy as np

from firstlight_plugins.transfer.body import Body, translation

GENERATOR = np.random.default_rng(0)


def a_body():
    return Body(
        ("a", "b"), ("p",), np.array([1.0, -1.0]), GENERATOR.normal(size=(5, 2)).astype(np.float32).astype(float), 0.5
    )


def test_a_saved_body_is_the_same(tmp_path):
    body = a_body()
    body.save(tmp_path)
    again = Body.load(tmp_path)
    np.testing.assert_array_equal(again.taste, body.taste)
    np.testing.assert_array_equal(again.rate, body.rate)
    assert (again.content_names, again.shape, again.with_text) == (body.content_names, 0.5, True)


def test_translation_finds_columns_in_another_order():
    theirs = GENERATOR.integers(0, 2, (400, 3)).astype(np.float32)
    own = np.column_stack([theirs[:, 2], theirs[:, 0], GENERATOR.normal(size=400)]).astype(np.float32)
    expected = [[0, 0, 1], [1, 0, 0], [0, 0, 0]]
    found = translation(own, theirs)
    np.testing.assert_allclose(found[:, [0, 2]], np.array(expected)[:, [0, 2]], atol=0.01)
    assert np.abs(found[:, 1]).max() < 0.2  # theirs alone


def test_a_translated_body_says_the_same():
    body = a_body()
    turned = body.translated(("b", "a"), ("p",), np.array([[0.0, 1.0], [1.0, 0.0]]), np.ones((1, 1)))
    context, item = GENERATOR.normal(size=5), GENERATOR.normal(size=2)
    same = context[[0, 2, 1, 4, 3]] @ turned.taste @ item[::-1]
    np.testing.assert_allclose(same, context @ body.taste @ item)
    np.testing.assert_allclose(item[::-1] @ turned.rate, item @ body.rate)
