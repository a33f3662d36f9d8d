"""The item space, and every picture and table that explains a model, from made-up results."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from firstlight.domain import Attribute, ItemTable, Kind
from firstlight.evaluation.importance import Importance
from firstlight.evaluation.plots import PICTURES, draw_all
from firstlight.evaluation.report import write_report
from firstlight.evaluation.results import EvaluationResult
from firstlight.evaluation.run import _described
from firstlight.evaluation.space import OTHER, ItemSpace, item_space


class Circle:
    """A component whose item vectors lie on a plane: even items on one side, odd ones on the other."""

    def item_vectors(self, positions):
        return np.stack([np.where(positions % 2, 1.0, -1.0), 0.1 * (positions % 5), 0 * positions], axis=1)

    def describe(self):
        return {"weights | of content": {"genre=a": 0.5, "genre=b": -2.0}}


class Broken:
    def describe(self):
        raise ArithmeticError


class Product:
    def __init__(self, **components):
        self.model = type("Model", (), {"components": components, "items": ItemTable(np.zeros((1, 1)), np.zeros(1))})()


def test_alike_items_lie_together_and_have_the_commonest_category(dataset):
    found = item_space(Product(circle=Circle()), dataset)
    assert (found.component, found.attribute) == ("circle", "parity")
    first = np.array([x for x, _ in found.points])
    odd = np.array(found.values) == "1"
    assert first[odd].min() > first[~odd].max() or first[odd].max() < first[~odd].min()
    assert found.explained == pytest.approx(1.0)


def test_values_beyond_the_most_frequent_are_other_and_multi_valued_ones_count_by_their_first(dataset):
    items = tuple({"tags": (f"t{n % 12}", "z")} if n else {} for n in range(60))
    schema = replace(dataset.schema, items=(Attribute("tags", Kind.MULTI),))
    found = item_space(Product(circle=Circle()), replace(dataset, schema=schema, item_attributes=items))
    assert len(set(found.values) - {OTHER}) == 8
    assert OTHER in found.values


def test_without_vectors_or_categories_there_is_no_space(dataset, make_dataset):
    assert item_space(Product(plain=object()), dataset) is None
    assert item_space(Product(circle=Circle()), make_dataset(attributes=False)) is None


def test_a_component_that_cannot_describe_itself_is_left_out():
    described = _described(Product(broken=Broken(), circle=Circle(), plain=object()))
    assert described == {"circle": {"weights | of content": {"genre=a": 0.5, "genre=b": -2.0}}}


@pytest.fixture
def result() -> EvaluationResult:
    one = Importance("new-user", 0, "user", "age|band", 40, 0.3, 0.02, (0.01, 0.03))
    return EvaluationResult(
        protocols=("new-user",),
        folds=1,
        preset="small",
        seed=0,
        positive_value=4.0,
        rows=(),
        losses={"sequence.train_loss": [3.0, 2.0], "sequence.validation_loss": [3.1, 2.5], "student.train_loss": [1.0]},
        importances=(
            one,
            replace(one, slice_name="new-item", shown=None, side="item", drop=-0.01, interval=(-0.02, 0)),
        ),
        described={"circle": {"weights | of content": {f"genre={n}": n / 10 for n in range(-10, 11)}}},
        space=ItemSpace("circle", "genre", ((0.0, 1.0), (1.0, 0.0), (0.5, 0.5)), ("a", "b", OTHER), 0.7),
    )


def test_pictures_are_drawn_where_there_is_data(result, tmp_path):
    assert set(draw_all(result, tmp_path)) == {"importance", "space", "loss"}
    loss = PICTURES["loss"](result)
    assert [axes.get_title() for axes in loss.axes] == ["sequence", "student"], "a panel a component"
    assert [axes.get_title() for axes in PICTURES["importance"](result).axes] == ["new-user, k = 0", "new-item"]


def test_the_report_explains_the_model(result, tmp_path):
    write_report(result, tmp_path)
    text = (tmp_path / "report.md").read_text("utf-8")
    assert "| new-user, k = 0 | age\\|band (user) | +0.0200 [+0.0100, +0.0300] | 0.300 | 40 |" in text
    assert "![Where the items lie](space.png)" in text
    assert "The strongest 15 of 21." in text
    assert "| genre=-10 | -1.000 |" in text
    assert "| genre=0 |" not in text
