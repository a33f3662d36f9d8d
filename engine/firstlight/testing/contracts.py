"""What every component must do, whatever it has learnt."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from firstlight.domain import Histories, ItemTable, Queries, Reason, Scenario, TrainingData
from firstlight.roles import CandidateGenerator, ColdStartStrategy, Component, FitOptions, ItemVectors
from firstlight.runtime import BundleRuntime
from firstlight.testing.catalogue import tiny_training_data

TOLERANCE = 1e-5
Factory = Callable[[], Any]


@dataclass(frozen=True, slots=True)
class World:
    """A component fitted on ``data``, and the same ``loaded`` from its export beside one live item at ``live``."""

    data: TrainingData
    fitted: CandidateGenerator
    loaded: CandidateGenerator
    directory: Path
    live: int


class CandidateGeneratorContract:
    """Tests of the role ``candidate_generator``. Set ``factory``, and ``required`` for what ``requires`` names."""

    factory: ClassVar[Factory]
    required: ClassVar[Mapping[str, Factory]] = {}
    options: ClassVar[FitOptions] = FitOptions(seed=7)

    @classmethod
    def training_data(cls) -> TrainingData:
        """What components are fitted on; override for another catalogue of at least ten items."""
        return tiny_training_data()

    @pytest.fixture(scope="class")
    @classmethod
    def world(cls, tmp_path_factory: pytest.TempPathFactory) -> World:
        """Fit, export and load once for the class."""
        data = cls.training_data()
        components = _fit(data, cls.required, cls.options)
        fitted = _fit(data, {"it": cls.factory}, replace(cls.options, components=components))["it"]
        items = ItemTable(data.items.base_content, data.items.base_counts)
        loaded: dict[str, Any] = {}
        runtime = BundleRuntime(items, loaded)
        for name, component in [*components.items(), ("it", fitted)]:
            directory = tmp_path_factory.mktemp(name)
            component.export(directory)
            loaded[name] = cls.factory() if name == "it" else cls.required[name]()
            loaded[name].load(directory, runtime)
        live = items.append(data.items.base_content[:1])
        return World(data, fitted, loaded["it"], directory, int(live[0]))  # type: ignore[arg-type]  # tested below

    def test_has_the_role(self, world: World) -> None:
        """It has the methods, and says what it requires."""
        assert isinstance(world.fitted, CandidateGenerator)
        assert set(world.fitted.requires) == set(self.required)

    def test_scores_are_finite_and_shaped(self, world: World) -> None:
        """Finite values, 0 where nothing is known."""
        queries, positions = _queries(world), _positions(world)
        scores = world.loaded.score(queries, positions)
        assert scores.values.shape == scores.known.shape == positions.shape
        assert [scores.values.dtype.name, scores.known.dtype.name] == ["float32", "bool"]
        assert np.isfinite(scores.values).all()
        assert (scores.values[~scores.known] == 0).all()

    def test_padding_is_unknown(self, world: World) -> None:
        """Position −1 is scored 0 and not known."""
        queries = _queries(world)
        scores = world.loaded.score(queries, np.full((len(queries), 3), -1, np.int32))
        assert not scores.known.any()
        assert (scores.values == 0).all()

    def test_nothing_to_score(self, world: World) -> None:
        """No candidates, and no queries."""
        queries = _queries(world)
        assert world.loaded.score(queries, np.zeros((len(queries), 0), np.int32)).values.shape == (len(queries), 0)
        none = queries.take(np.arange(0))
        assert world.loaded.score(none, np.zeros((0, 4), np.int32)).values.shape == (0, 4)
        assert world.loaded.generate(none, 5).positions.shape[0] == 0

    def test_a_live_item_is_scored_or_unknown(self, world: World) -> None:
        """As a candidate and as history."""
        profiles = world.data.profiles[:2]
        queries = Queries(profiles, Histories.from_rows([[world.live], [0, world.live]], [[5.0], [5.0, 5.0]]))
        scores = world.loaded.score(queries, np.full((2, 1), world.live, np.int32))
        assert np.isfinite(scores.values).all()
        assert np.isfinite(world.loaded.generate(queries, 5).scores).all()

    def test_duplicates_in_a_history(self, world: World) -> None:
        """An item may come again, with another value."""
        queries = Queries(world.data.profiles[:1], Histories.from_rows([[3, 3, 3]], [[5.0, 1.0, 5.0]]))
        scores = world.loaded.score(queries, _positions(world)[:1])
        assert np.isfinite(scores.values).all()

    def test_limit_zero(self, world: World) -> None:
        """An empty list."""
        queries = _queries(world)
        found = world.loaded.generate(queries, 0)
        assert found.positions.shape == found.scores.shape == (len(queries), 0)

    @pytest.mark.parametrize("limit", [1, 5, 1_000_000])
    def test_lists(self, world: World, limit: int) -> None:
        """Best first, each item once, padded at the end, at most the catalogue."""
        queries = _queries(world)
        found = world.loaded.generate(queries, limit)
        assert [found.positions.dtype.name, found.scores.dtype.name] == ["int32", "float32"]
        assert found.positions.shape[1] <= min(limit, world.live + 1)
        assert (found.positions <= world.live).all()
        for items, scores in zip(found.positions, found.scores, strict=True):
            filled = int((items >= 0).sum())
            assert (items[:filled] >= 0).all()
            assert len(set(items[:filled].tolist())) == filled
            assert (np.diff(scores[:filled]) <= TOLERANCE).all()

    def test_lists_agree_with_scores(self, world: World) -> None:
        """A proposed item is known, and its score is the one ``score`` gives."""
        queries = _queries(world)
        found = world.loaded.generate(queries, 10)
        scores = world.loaded.score(queries, found.positions)
        filled = found.positions >= 0
        assert scores.known[filled].all()
        np.testing.assert_allclose(found.scores[filled], scores.values[filled], atol=TOLERANCE, rtol=TOLERANCE)

    def test_batch_equals_single(self, world: World) -> None:
        """A query's answer does not depend on its neighbours in the batch."""
        queries, positions = _queries(world), _positions(world)
        together, lists = world.loaded.score(queries, positions), world.loaded.generate(queries, 5)
        for n in range(len(queries)):
            one = queries.take(np.array([n]))
            alone, list_alone = world.loaded.score(one, positions[n : n + 1]), world.loaded.generate(one, 5)
            np.testing.assert_allclose(alone.values[0], together.values[n], atol=TOLERANCE, rtol=TOLERANCE)
            np.testing.assert_array_equal(alone.known[0], together.known[n])
            np.testing.assert_allclose(list_alone.scores[0], lists.scores[n], atol=TOLERANCE, rtol=TOLERANCE)

    def test_loaded_equals_fitted(self, world: World) -> None:
        """Scores and lists after ``export`` and ``load``, up to the live item only the loaded one has."""
        queries, positions = _queries(world), _positions(world)[:, :-1]
        before, after = world.fitted.score(queries, positions), world.loaded.score(queries, positions)
        np.testing.assert_allclose(after.values, before.values, atol=TOLERANCE, rtol=TOLERANCE)
        np.testing.assert_array_equal(after.known, before.known)

    def test_same_seed_same_scores(self, world: World) -> None:
        """A second fit with the same seed gives the same scores."""
        components = _fit(world.data, self.required, self.options)
        again = _fit(world.data, {"it": type(self).factory}, replace(self.options, components=components))["it"]
        queries, positions = _queries(world), _positions(world)[:, :-1]
        before, after = world.fitted.score(queries, positions), again.score(queries, positions)
        np.testing.assert_array_equal(after.values, before.values)
        np.testing.assert_array_equal(after.known, before.known)

    def test_item_vectors(self, world: World) -> None:
        """Where it offers them: finite, also of the live item, and of one item as of many."""
        if not isinstance(world.loaded, ItemVectors):
            pytest.skip("offers no item vectors")
        positions = np.arange(world.live + 1, dtype=np.int32)
        vectors = world.loaded.item_vectors(positions)
        assert vectors.ndim == 2
        assert len(vectors) == len(positions)
        assert np.isfinite(vectors).all()
        alone = np.concatenate([world.loaded.item_vectors(positions[n : n + 1]) for n in positions])
        np.testing.assert_allclose(alone, vectors, atol=TOLERANCE, rtol=TOLERANCE)

    def test_no_pickle(self, world: World) -> None:
        """Nothing exported is a pickle, inside or out."""
        files = [path for path in world.directory.rglob("*") if path.is_file()]
        assert files
        for path in files:
            assert path.suffix not in {".pkl", ".pickle", ".pt", ".pth", ".joblib"}, path.name
            if path.suffix == ".npy":
                np.load(path, allow_pickle=False)
            else:
                assert path.read_bytes()[:2] not in {b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"}, path.name

    def test_reasons(self, world: World) -> None:
        """One reason or None a cell, none for padding; a named history item is in the history."""
        queries = _queries(world)
        positions = np.concatenate([_positions(world), np.full((len(queries), 1), -1, np.int32)], axis=1)
        reasons = world.loaded.explain(queries, positions)
        assert [len(row) for row in reasons] == [positions.shape[1]] * len(queries)
        for n, row in enumerate(reasons):
            assert row[-1] is None
            for reason in row:
                assert reason is None or isinstance(reason, Reason)
                if reason is not None and reason.history_position >= 0:
                    assert reason.history_position in queries.histories.of(n)


class ColdStartStrategyContract(CandidateGeneratorContract):
    """Tests of the role ``cold_start_strategy``: what it says it answers, it answers."""

    def test_has_the_cold_start_role(self, world: World) -> None:
        """It has the methods and names a scenario."""
        assert isinstance(world.fitted, ColdStartStrategy)
        assert world.fitted.scenarios
        assert world.fitted.scenarios <= set(Scenario)

    def test_answers_a_new_user(self, world: World) -> None:
        """A profile alone, and an unknown one, get a full list."""
        if Scenario.NEW_USER not in _strategy(world).scenarios:
            pytest.skip("does not answer new users")
        profiles = np.concatenate([world.data.profiles[:1], np.zeros_like(world.data.profiles[:1])])
        found = world.loaded.generate(Queries(profiles, Histories.empty(2)), 10)
        assert (found.positions >= 0).all()

    def test_answers_for_a_new_item(self, world: World) -> None:
        """An item added while serving is scored at once."""
        if Scenario.NEW_ITEM not in _strategy(world).scenarios:
            pytest.skip("does not answer new items")
        queries = _queries(world)
        scores = world.loaded.score(queries, np.full((len(queries), 1), world.live, np.int32))
        assert scores.known.all()

    def test_embeds_items_by_content(self, world: World) -> None:
        """One finite vector an item, batch equal to single."""
        content = world.data.items.base_content[:5]
        vectors = _strategy(world).embed_items(content)
        assert vectors.shape[0] == len(content)
        assert np.isfinite(vectors).all()
        alone = np.concatenate([_strategy(world).embed_items(row[None]) for row in content])
        np.testing.assert_allclose(alone, vectors, atol=TOLERANCE, rtol=TOLERANCE)


def _fit(data: TrainingData, factories: Mapping[str, Factory], options: FitOptions) -> dict[str, Component]:
    """Each component fitted, those before it at hand."""
    fitted: dict[str, Component] = dict(options.components)
    made: dict[str, Component] = {}
    for name, factory in factories.items():
        component: Component = factory()
        metrics = component.fit(data, replace(options, components=fitted))
        assert all(np.isfinite(value) for value in metrics.values())
        made[name] = fitted[name] = component
    return made


def _queries(world: World) -> Queries:
    """Empty history, an unknown profile, one item, one disliked item, a long history, and one without values."""
    seen = world.data.dataset.histories
    rows = [[], [], [0], [1], seen.of(0).tolist(), [2, 4, 6]]
    values: list[list[float]] = [[], [], [5.0], [1.0], [5.0] * len(seen.of(0)), [np.nan] * 3]
    profiles = world.data.profiles[: len(rows)].copy()
    profiles[1] = 0
    return Queries(profiles, Histories.from_rows(rows, values))


def _positions(world: World) -> NDArray[np.int32]:
    """Every item of the catalogue, the live one last, for each of :func:`_queries`."""
    return np.tile(np.arange(world.live + 1, dtype=np.int32), (6, 1))


def _strategy(world: World) -> ColdStartStrategy:
    assert isinstance(world.loaded, ColdStartStrategy)
    return world.loaded
