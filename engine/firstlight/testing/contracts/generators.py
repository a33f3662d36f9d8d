"""The kits of candidate generators and cold-start strategies: what each must do, whatever it has learnt."""

from __future__ import annotations

import builtins
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from firstlight.domain import Histories, ItemTable, Metrics, Queries, Reason, Scenario, TrainingData
from firstlight.roles import (
    CandidateGenerator,
    ColdStartStrategy,
    Component,
    FitOptions,
    ItemVectors,
    LearnsFrom,
    Runner,
    VectorIndex,
)
from firstlight.runtime import BundleRuntime
from firstlight.testing.catalogue import tiny_training_data
from firstlight.testing.contracts.common import (
    TOLERANCE,
    Contract,
    Factory,
    assert_no_pickle,
    close,
    each_alone,
    from_many_threads,
    left_alone,
)

ONNX_BATCHES = (1, 3, 64)
PATIENCE = 10
"""A fit may take this many times its budget: fixed costs are large where there is little to learn."""


@dataclass(frozen=True, slots=True)
class World:
    """A component fitted on ``data``, and the same ``loaded`` from its export in ``directory``.

    The loaded one sees two more items: ``live``, with the content of item 0, and ``unknown``, without any content.
    ``components`` are those it requires, fitted; ``opened`` the models it opened while loading; ``data_changed`` tells
    that fit changed what it was given.
    """

    data: TrainingData
    components: Mapping[str, Component]
    fitted: CandidateGenerator
    loaded: CandidateGenerator
    directory: Path
    metrics: Metrics
    data_changed: bool
    opened: frozenset[str]
    live: int
    unknown: int

    @property
    def size(self) -> int:
        """Items of the loaded component."""
        return self.unknown + 1


@dataclass(slots=True)
class WatchedRuntime:
    """A runtime that remembers the models it opened."""

    runtime: BundleRuntime
    opened: set[str] = field(default_factory=set)

    @property
    def items(self) -> ItemTable:
        """The bundle's items."""
        return self.runtime.items

    @property
    def components(self) -> Mapping[str, Component]:
        """Components already loaded."""
        return self.runtime.components

    def session(self, path: Path) -> Runner:
        """An onnxruntime session."""
        self.opened.add(path.name)
        return self.runtime.session(path)

    def array(self, path: Path) -> NDArray[np.generic]:
        """A memory-mapped array."""
        return self.runtime.array(path)

    def index(self, vectors: NDArray[np.float32]) -> VectorIndex:
        """A vector index."""
        return self.runtime.index(vectors)


class CandidateGeneratorContract(Contract):
    """Tests of the role ``candidate_generator``.

    ``required``: a factory for each name in the component's ``requires``, and for those in its ``learns_from`` that it
    is tested with. ``long_running``: a factory of the component set up to train for minutes, for the test of the time
    budget; by default ``component`` itself.

    Capabilities: ``new_users`` (a list for a profile alone), ``live_items`` (an item added while serving is scored),
    ``item_vectors``, ``onnx`` (what it learnt runs through onnxruntime).
    """

    capabilities: ClassVar[frozenset[str]] = frozenset({"new_users", "live_items", "item_vectors", "onnx"})
    required: ClassVar[Mapping[str, Factory]] = {}
    long_running: ClassVar[Factory | None] = None
    options: ClassVar[FitOptions] = FitOptions(seed=7)
    time_budget_s: ClassVar[float] = 1.0

    @classmethod
    def training_data(cls) -> TrainingData:
        """What components are fitted on; override for another catalogue of at least ten items."""
        return tiny_training_data()

    @pytest.fixture(scope="class")
    @classmethod
    def world(cls, tmp_path_factory: pytest.TempPathFactory) -> World:
        """Fit, export and load once for the class."""
        data = cls.training_data()
        components: dict[str, Component] = {}
        for name, factory in cls.required.items():
            components[name] = factory()
            components[name].fit(data, replace(cls.options, components=dict(components)))
        fitted = cls.make()
        before = [array.copy() for array in _arrays(data)]
        metrics = fitted.fit(data, replace(cls.options, components=components))
        changed = any(not np.array_equal(a, b, equal_nan=True) for a, b in zip(_arrays(data), before, strict=True))
        items = ItemTable(data.items.base_content, data.items.base_counts)
        loaded: dict[str, Any] = {}
        runtime = WatchedRuntime(BundleRuntime(items, loaded))
        for name, component in components.items():
            directory = tmp_path_factory.mktemp(name)
            component.export(directory)
            loaded[name] = cls.required[name]()
            loaded[name].load(directory, runtime)
        runtime.opened.clear()
        directory = tmp_path_factory.mktemp("component")
        fitted.export(directory)
        again = cls.make()
        again.load(directory, runtime)
        live = items.append(np.stack([data.items.base_content[0], np.zeros_like(data.items.base_content[0])]))
        return World(
            data=data,
            components=components,
            fitted=fitted,
            loaded=again,
            directory=directory,
            metrics=metrics,
            data_changed=changed,
            opened=frozenset(runtime.opened),
            live=int(live[0]),
            unknown=int(live[1]),
        )

    def test_has_the_role(self, world: World) -> None:
        """It has the methods, and says what it requires."""
        assert isinstance(world.fitted, CandidateGenerator)
        others = set(world.fitted.learns_from) if isinstance(world.fitted, LearnsFrom) else set()
        assert set(world.fitted.requires) <= set(self.required) <= set(world.fitted.requires) | others

    def test_fit(self, world: World) -> None:
        """Finite metrics, and the data as it was."""
        assert all(np.isfinite(value) for value in world.metrics.values())
        assert not world.data_changed, "fit changed the data it was given"

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

    def test_no_candidates_and_no_queries(self, world: World) -> None:
        """An empty candidate list, and an empty batch."""
        queries = _queries(world)
        assert world.loaded.score(queries, np.zeros((len(queries), 0), np.int32)).values.shape == (len(queries), 0)
        none = queries.take(np.arange(0))
        assert world.loaded.score(none, np.zeros((0, 4), np.int32)).values.shape == (0, 4)
        assert world.loaded.generate(none, 5).positions.shape[0] == 0

    def test_an_unknown_user(self, world: World) -> None:
        """A user without a profile or history is no fault."""
        nobody = Queries(np.zeros_like(world.data.profiles[:1]), Histories.empty(1))
        assert np.isfinite(world.loaded.score(nobody, _positions(world)[:1]).values).all()
        assert np.isfinite(world.loaded.generate(nobody, 5).scores).all()

    def test_a_profile_alone(self, world: World) -> None:
        """A new user with a profile gets a list."""
        self.need("new_users")
        profiles = world.data.profiles[:1]
        assert profiles.any(), "the catalogue's first user has no profile"
        found = world.loaded.generate(Queries(profiles, Histories.empty(1)), 5)
        assert (found.positions >= 0).any(), "it has nothing for a new user"

    def test_an_item_added_while_serving(self, world: World) -> None:
        """As a candidate and as history, with content and without: scored or unknown, never a fault."""
        added = [world.live, world.unknown]
        histories = Histories.from_rows([added, [0, *added]], [[5.0, 5.0], [5.0, 5.0, 5.0]])
        queries = Queries(world.data.profiles[:2], histories)
        scores = world.loaded.score(queries, np.array([added, added], np.int32))
        assert np.isfinite(scores.values).all()
        assert np.isfinite(world.loaded.generate(queries, 5).scores).all()

    def test_an_item_added_while_serving_is_scored(self, world: World) -> None:
        """Its content is enough, for a user with a profile and history."""
        self.need("live_items")
        seen = world.data.dataset.histories.take(np.array([0]))
        scores = world.loaded.score(Queries(world.data.profiles[:1], seen), np.array([[world.live]], np.int32))
        assert scores.known.all(), "an item added while serving is not scored"

    def test_duplicates_in_a_history(self, world: World) -> None:
        """An item may come again, with another value."""
        queries = Queries(world.data.profiles[:1], Histories.from_rows([[3, 3, 3]], [[5.0, 1.0, 5.0]]))
        assert np.isfinite(world.loaded.score(queries, _positions(world)[:1]).values).all()
        assert np.isfinite(world.loaded.generate(queries, 5).scores).all()

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
        assert found.positions.shape == found.scores.shape
        assert len(found.positions) == len(queries)
        assert found.positions.shape[1] <= min(limit, world.size)
        assert (found.positions < world.size).all()
        for items, scores in zip(found.positions, found.scores, strict=True):
            filled = int((items >= 0).sum())
            assert (items[:filled] >= 0).all(), "padding is not last"
            assert len(set(items[:filled].tolist())) == filled, "an item comes twice"
            assert (np.diff(scores[:filled]) <= TOLERANCE).all(), "not best first"

    def test_lists_agree_with_scores(self, world: World) -> None:
        """A proposed item is known, and its score is the one ``score`` gives."""
        queries = _queries(world)
        found = world.loaded.generate(queries, 10)
        scores = world.loaded.score(queries, found.positions)
        filled = found.positions >= 0
        assert scores.known[filled].all()
        close(found.scores[filled], scores.values[filled])

    def test_batch_equals_single(self, world: World) -> None:
        """A query's answer does not depend on its neighbours in the batch."""
        queries, positions = _queries(world), _positions(world)
        together, lists = world.loaded.score(queries, positions), world.loaded.generate(queries, 5)
        for row in each_alone(len(queries)):
            one = queries.take(row)
            alone, list_alone = world.loaded.score(one, positions[row]), world.loaded.generate(one, 5)
            close(alone.values, together.values[row])
            np.testing.assert_array_equal(alone.known, together.known[row])
            width = list_alone.scores.shape[1]
            close(list_alone.scores, lists.scores[row, :width])
            assert (lists.positions[row, width:] == -1).all()

    def test_loaded_equals_fitted(self, world: World) -> None:
        """Scores after ``export`` and ``load``, of the items that both know."""
        queries, positions = _queries(world), _positions(world)[:, : world.live]
        before, after = world.fitted.score(queries, positions), world.loaded.score(queries, positions)
        close(after.values, before.values)
        np.testing.assert_array_equal(after.known, before.known)

    def test_onnx_equals_fitted(self, world: World) -> None:
        """Every exported model is opened, and answers as the fitted component does, at batch 1, 3 and 64."""
        graphs = {path.name for path in world.directory.rglob("*.onnx")}
        self.need("onnx", offered=bool(graphs))
        assert graphs <= world.opened, f"never opened: {', '.join(sorted(graphs - world.opened))}"
        queries = _queries(world)
        for size in ONNX_BATCHES:
            batch = queries.take(np.arange(size) % len(queries))
            positions = np.tile(np.arange(world.live, dtype=np.int32), (size, 1))
            before, after = world.fitted.score(batch, positions), world.loaded.score(batch, positions)
            close(after.values, before.values, f"batch {size}")

    def test_load_needs_no_torch(self, world: World) -> None:
        """A serving process never imports torch: ``load`` must not."""
        again = type(self).make()
        items = ItemTable(world.data.items.base_content, world.data.items.base_counts)
        with _without_torch() as imported:
            again.load(world.directory, BundleRuntime(items, world.components))
        assert not imported, f"load imported {imported[0]}"

    def test_same_seed_same_scores(self, world: World) -> None:
        """A second fit with the same seed gives the same scores."""
        again = type(self).make()
        again.fit(world.data, replace(self.options, components=world.components))
        queries, positions = _queries(world), _positions(world)[:, : world.live]
        before, after = world.fitted.score(queries, positions), again.score(queries, positions)
        np.testing.assert_array_equal(after.values, before.values)
        np.testing.assert_array_equal(after.known, before.known)

    def test_time_budget(self, world: World) -> None:
        """A fit with a budget ends in time, and the component scores."""
        component = (type(self).long_running or type(self).component)()
        start = time.monotonic()
        component.fit(world.data, replace(self.options, components=world.components, time_budget_s=self.time_budget_s))
        taken = time.monotonic() - start
        assert taken <= PATIENCE * self.time_budget_s, f"a budget of {self.time_budget_s} s took {taken:.1f} s"
        scores = component.score(_queries(world), _positions(world)[:, : world.live])
        assert np.isfinite(scores.values).all()

    def test_many_threads(self, world: World) -> None:
        """``score`` and ``generate`` from 8 threads answer as from one."""
        queries, positions = _queries(world), _positions(world)
        rows = each_alone(len(queries))

        def ask(n: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
            one = queries.take(rows[n])
            return world.loaded.score(one, positions[rows[n]]).values, world.loaded.generate(one, 5).scores

        alone = [ask(n) for n in range(len(rows))]
        for n, (values, scores) in from_many_threads(ask, arguments=len(rows)):
            close(values, alone[n][0], "another thread's answer")
            close(scores, alone[n][1], "another thread's answer")

    def test_inputs_are_left_alone(self, world: World) -> None:
        """Queries and positions are shared with the other components."""
        queries, positions = _queries(world), _positions(world)
        histories = queries.histories
        given = (queries.profiles, positions, histories.offsets, histories.items, histories.values)
        with left_alone(*given):
            world.loaded.score(queries, positions)
            world.loaded.generate(queries, 5)
            world.loaded.explain(queries, positions)

    def test_item_vectors(self, world: World) -> None:
        """Finite, also of items added while serving, and of one item as of many."""
        self.need("item_vectors", offered=isinstance(world.loaded, ItemVectors))
        vectors_of: Callable[[NDArray[np.int32]], NDArray[np.float32]] = world.loaded.item_vectors  # type: ignore[attr-defined]  # checked above
        positions = np.arange(world.size, dtype=np.int32)
        vectors = vectors_of(positions)
        assert vectors.ndim == 2
        assert len(vectors) == len(positions)
        assert np.isfinite(vectors).all()
        close(np.concatenate([vectors_of(positions[row]) for row in each_alone(len(positions))]), vectors)

    def test_no_pickle(self, world: World) -> None:
        """Nothing exported is a pickle, inside or out."""
        assert_no_pickle(world.directory)

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
                    assert reason.history_position in queries.histories.of(n), "a reason names an item not in history"


class ColdStartStrategyContract(CandidateGeneratorContract):
    """Tests of the role ``cold_start_strategy``: what it says it answers, it answers.

    A strategy for new users offers the capability ``new_users``, one for new items ``live_items``.
    """

    def test_has_the_cold_start_role(self, world: World) -> None:
        """It has the methods, names a scenario, and lacks nothing that the scenario needs."""
        assert isinstance(world.fitted, ColdStartStrategy)
        assert world.fitted.scenarios
        assert world.fitted.scenarios <= set(Scenario)
        assert not (Scenario.NEW_USER in world.fitted.scenarios and "new_users" in self.lacks)
        assert not (Scenario.NEW_ITEM in world.fitted.scenarios and "live_items" in self.lacks)

    def test_answers_a_new_user(self, world: World) -> None:
        """A profile alone, and an unknown one, get a full list."""
        if Scenario.NEW_USER not in _strategy(world).scenarios:
            pytest.skip("its scenarios leave new users to others")
        profiles = np.concatenate([world.data.profiles[:1], np.zeros_like(world.data.profiles[:1])])
        found = world.loaded.generate(Queries(profiles, Histories.empty(2)), 10)
        assert found.positions.shape[1] == 10
        assert (found.positions >= 0).all()

    def test_answers_for_a_new_item(self, world: World) -> None:
        """An item added while serving is scored at once, for everybody."""
        if Scenario.NEW_ITEM not in _strategy(world).scenarios:
            pytest.skip("its scenarios leave new items to others")
        queries = _queries(world)
        scores = world.loaded.score(queries, np.full((len(queries), 1), world.live, np.int32))
        assert scores.known.all()

    def test_embeds_items_by_content(self, world: World) -> None:
        """One finite vector an item, batch equal to single."""
        content = world.data.items.base_content[:5]
        vectors = _strategy(world).embed_items(content)
        assert vectors.shape[0] == len(content)
        assert np.isfinite(vectors).all()
        close(np.concatenate([_strategy(world).embed_items(row[None]) for row in content]), vectors)


@contextmanager
def _without_torch() -> Iterator[list[str]]:
    """The names of imports in the block that bring torch along, or that are torch."""
    usual, found = builtins.__import__, []

    def watched(name: str, *arguments: Any, **options: Any) -> ModuleType:
        module = usual(name, *arguments, **options)
        relative = options.get("level") or any(arguments[3:])
        full = module if relative else sys.modules.get(name, module)
        if name.partition(".")[0] == "torch" or isinstance(vars(full).get("torch"), ModuleType):
            found.append(name)
        return module

    builtins.__import__ = watched
    try:
        yield found
    finally:
        builtins.__import__ = usual


def _arrays(data: TrainingData) -> tuple[NDArray[Any], ...]:
    histories = data.dataset.histories
    return data.profiles, data.items.base_content, data.items.base_counts, histories.items, histories.values


def _queries(world: World) -> Queries:
    """Empty history, an unknown profile, one item, one disliked item, a long history, and one without values."""
    seen = world.data.dataset.histories
    rows = [[], [], [0], [1], seen.of(0).tolist(), [2, 4, 6]]
    values: list[list[float]] = [[], [], [5.0], [1.0], [5.0] * len(seen.of(0)), [np.nan] * 3]
    profiles = world.data.profiles[: len(rows)].copy()
    profiles[1] = 0
    return Queries(profiles, Histories.from_rows(rows, values))


def _positions(world: World) -> NDArray[np.int32]:
    """Every item of the catalogue, those added while serving last, for each of :func:`_queries`."""
    return np.tile(np.arange(world.size, dtype=np.int32), (6, 1))


def _strategy(world: World) -> ColdStartStrategy:
    assert isinstance(world.loaded, ColdStartStrategy)
    return world.loaded
