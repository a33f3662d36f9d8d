"""The kits of what comes after the candidates: rankers, rerankers and candidate filters."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from numpy.typing import NDArray

from firstlight.domain import (
    Evidence,
    Histories,
    ItemTable,
    Queries,
    Ranked,
    RankingExamples,
    RankingInputs,
    TrainingData,
)
from firstlight.roles import CandidateFilter, Ranker, Reranker
from firstlight.testing.catalogue import tiny_training_data
from firstlight.testing.contracts.common import (
    Contract,
    assert_no_pickle,
    close,
    each_alone,
    from_many_threads,
    left_alone,
)

NAMES = ("popularity", "telling", "silent")
"""Components of the ranking problems: one that guesses, one that knows what is relevant, one that never knows."""

QUERIES = 40
CANDIDATES = 12
RELEVANT = 3
PADDED = 2
"""Columns of padding at the end of each row."""


def ranking_examples(seed: int = 0) -> list[RankingExamples]:
    """Two slices of ranking problems whose right answer ``telling`` gives: new users, and users with history."""
    generator = np.random.default_rng(seed)
    return [_examples("new-user k=0", 0, generator), _examples("warm", 20, generator)]


@dataclass(frozen=True, slots=True)
class RankerWorld:
    """A ranker ``fitted`` on ``examples``, and the same ``loaded`` from its export in ``directory``."""

    examples: list[RankingExamples]
    fitted: Ranker
    loaded: Ranker
    directory: Path
    metrics: dict[str, float]


class RankerContract(Contract):
    """Tests of the role ``ranker``. Capability: ``learns`` (it comes to trust the component that is right)."""

    capabilities: ClassVar[frozenset[str]] = frozenset({"learns"})
    seed: ClassVar[int] = 7

    @pytest.fixture(scope="class")
    @classmethod
    def world(cls, tmp_path_factory: pytest.TempPathFactory) -> RankerWorld:
        """Fit, export and load once for the class."""
        examples = ranking_examples()
        fitted, loaded = cls.make(), cls.make()
        metrics = dict(fitted.fit(examples, seed=cls.seed))
        directory = tmp_path_factory.mktemp("ranker")
        fitted.export(directory)
        loaded.load(directory)
        return RankerWorld(examples, fitted, loaded, directory, metrics)

    def test_has_the_role(self, world: RankerWorld) -> None:
        """It has the methods, and its metrics are finite."""
        assert isinstance(world.fitted, Ranker)
        assert all(np.isfinite(value) for value in world.metrics.values())

    def test_values_are_shaped_and_padding_is_last(self, world: RankerWorld) -> None:
        """Finite values for candidates and −inf for padding; contributions, (S, B, C), sum to the values."""
        for example in world.examples:
            _assert_ranked(world.loaded.rank(example.inputs), example.inputs)

    def test_no_candidates_and_no_queries(self, world: RankerWorld) -> None:
        """An empty candidate list, an empty batch, and a row of padding alone."""
        inputs = world.examples[0].inputs
        _assert_ranked(world.loaded.rank(_columns(inputs, 0)), _columns(inputs, 0))
        none = inputs.take(np.arange(0))
        _assert_ranked(world.loaded.rank(none), none)
        padding = inputs.only(np.zeros(inputs.positions.shape, np.bool_))
        _assert_ranked(world.loaded.rank(padding), padding)

    def test_nothing_is_known(self, world: RankerWorld) -> None:
        """Nobody knows any candidate, all are new items, and the evidence is beyond what it learnt from."""
        inputs = world.examples[1].inputs
        rows = len(inputs.positions)
        much = Evidence(*(np.full(rows, 100_000, np.int32) for _ in range(3)))
        odd = replace(
            inputs,
            scores=np.zeros_like(inputs.scores),
            known=np.zeros_like(inputs.known),
            counts=np.zeros_like(inputs.counts),
            evidence=much,
        )
        _assert_ranked(world.loaded.rank(odd), odd)

    def test_a_component_is_missing_or_new(self, world: RankerWorld) -> None:
        """A component that could not be loaded is not in ``names``; one it never learnt about may be."""
        inputs = world.examples[1].inputs
        fewer = replace(inputs, names=NAMES[:1], scores=inputs.scores[:1], known=inputs.known[:1])
        _assert_ranked(world.loaded.rank(fewer), fewer)
        more = replace(
            inputs,
            names=(*NAMES, "later"),
            scores=np.concatenate([inputs.scores, inputs.scores[:1]]),
            known=np.concatenate([inputs.known, inputs.known[:1]]),
        )
        _assert_ranked(world.loaded.rank(more), more)

    def test_nothing_to_learn_from(self, world: RankerWorld) -> None:
        """A catalogue may be too small for examples: it ranks nevertheless."""
        ranker = type(self).make()
        ranker.fit([], seed=self.seed)
        _assert_ranked(ranker.rank(world.examples[0].inputs), world.examples[0].inputs)

    def test_batch_equals_single(self, world: RankerWorld) -> None:
        """A row's values do not depend on the other rows."""
        inputs = world.examples[1].inputs
        together = world.loaded.rank(inputs)
        for row in each_alone(6):
            close(world.loaded.rank(inputs.take(row)).values, together.values[row])

    def test_it_learns(self, world: RankerWorld) -> None:
        """With history, what is relevant comes first, as one component knows it."""
        self.need("learns")
        example = world.examples[1]
        values = world.loaded.rank(example.inputs).values
        first = np.argsort(-values, axis=1, kind="stable")[:, :RELEVANT]
        found = np.take_along_axis(example.relevant, first, axis=1).mean()
        assert found > 0.8, f"{found:.0%} of the first {RELEVANT} are relevant"

    def test_loaded_equals_fitted(self, world: RankerWorld) -> None:
        """Values and contributions after ``export`` and ``load``."""
        for example in world.examples:
            before, after = world.fitted.rank(example.inputs), world.loaded.rank(example.inputs)
            close(after.values, before.values)
            close(after.contributions, before.contributions)

    def test_same_seed_same_values(self, world: RankerWorld) -> None:
        """A second fit with the same seed gives the same values."""
        again = type(self).make()
        again.fit(world.examples, seed=self.seed)
        inputs = world.examples[1].inputs
        np.testing.assert_array_equal(again.rank(inputs).values, world.fitted.rank(inputs).values)

    def test_many_threads(self, world: RankerWorld) -> None:
        """``rank`` from 8 threads answers as from one."""
        inputs = world.examples[1].inputs
        rows = each_alone(6)
        alone = [world.loaded.rank(inputs.take(row)).values for row in rows]
        for n, values in from_many_threads(lambda n: world.loaded.rank(inputs.take(rows[n])).values, arguments=6):
            close(values, alone[n], "another thread's answer")

    def test_inputs_are_left_alone(self, world: RankerWorld) -> None:
        """Scores are shared with what comes after the ranker."""
        inputs = world.examples[1].inputs
        with left_alone(inputs.scores, inputs.known, inputs.positions, inputs.counts):
            world.loaded.rank(inputs)

    def test_no_pickle(self, world: RankerWorld) -> None:
        """Nothing exported is a pickle, inside or out."""
        assert_no_pickle(world.directory)


class _ListContract(Contract):
    """What rerankers and candidate filters share: an array answered for lists of the tiny catalogue."""

    def ready(self) -> tuple[Any, Queries, NDArray[np.int32]]:
        """A component that knows the catalogue, queries, and lists (B, C) of all its items, with padding at the end."""
        data = _catalogue()
        items = ItemTable(data.items.base_content, data.items.base_counts)
        items.append(data.items.base_content[:1])
        component = type(self).make()
        if hasattr(component, "use_items"):
            component.use_items(items, data.content_names)
        seen = data.dataset.histories
        profiles = data.profiles[:4].copy()
        profiles[1] = 0
        rows = [[], [], [0], seen.of(3).tolist()]
        attributes = (*data.dataset.user_attributes[:1], {}, *data.dataset.user_attributes[2:4])
        queries = Queries(profiles, Histories.from_rows(rows), attributes)
        order = np.random.default_rng(3).permutation(items.size).astype(np.int32)
        positions = np.stack([np.roll(order, 3 * n) for n in range(len(rows))])
        return component, queries, np.pad(positions, [(0, 0), (0, PADDED)], constant_values=-1)

    def answer(self, component: Any, queries: Queries, positions: NDArray[np.int32]) -> NDArray[Any]:
        """What the component answers for ``positions``."""
        raise NotImplementedError

    def check(self, found: NDArray[Any], positions: NDArray[np.int32]) -> None:
        """Fail where ``found`` is no answer for ``positions``."""
        raise NotImplementedError

    def test_the_answer_is_whole(self) -> None:
        """Shape and type, for whole lists and for a single candidate."""
        component, queries, positions = self.ready()
        self.check(self.answer(component, queries, positions), positions)
        self.check(self.answer(component, queries, positions[:, :1]), positions[:, :1])

    def test_no_candidates_and_no_queries(self) -> None:
        """An empty list, an empty batch, and lists of padding alone."""
        component, queries, positions = self.ready()
        for part in (positions[:, :0], np.full_like(positions, -1)):
            self.check(self.answer(component, queries, part), part)
        none = queries.take(np.arange(0))
        self.check(self.answer(component, none, positions[:0]), positions[:0])

    def test_an_unknown_user(self) -> None:
        """No profile, no history, no attributes."""
        component, queries, positions = self.ready()
        nobody = Queries(np.zeros_like(queries.profiles), Histories.empty(len(queries)))
        self.check(self.answer(component, nobody, positions), positions)

    def test_batch_equals_single(self) -> None:
        """A row's answer does not depend on the other rows."""
        component, queries, positions = self.ready()
        together = self.answer(component, queries, positions)
        for row in each_alone(len(queries)):
            alone = self.answer(component, queries.take(row), positions[row])
            np.testing.assert_array_equal(alone, together[row])

    def test_asked_twice_it_answers_the_same(self) -> None:
        """Nothing is remembered between requests, nor left to chance."""
        component, queries, positions = self.ready()
        first = np.array(self.answer(component, queries, positions))
        np.testing.assert_array_equal(self.answer(component, queries, positions), first)
        again, *_ = self.ready()
        np.testing.assert_array_equal(self.answer(again, queries, positions), first)

    def test_many_threads(self) -> None:
        """8 threads get the answers that one gets."""
        component, queries, positions = self.ready()
        rows = each_alone(len(queries))

        def ask(n: int) -> NDArray[Any]:
            return self.answer(component, queries.take(rows[n]), positions[rows[n]])

        alone = [np.array(ask(n)) for n in range(len(rows))]
        for n, found in from_many_threads(ask, arguments=len(rows)):
            np.testing.assert_array_equal(found, alone[n], err_msg="another thread's answer")

    def test_inputs_are_left_alone(self) -> None:
        """Queries and positions are shared with everything else."""
        component, queries, positions = self.ready()
        with left_alone(queries.profiles, queries.histories.items, positions):
            self.answer(component, queries, positions)


class RerankerContract(_ListContract):
    """Tests of the role ``reranker``."""

    def answer(self, component: Any, queries: Queries, positions: NDArray[np.int32]) -> NDArray[Any]:
        """The new order of lists whose values fall evenly."""
        values = np.linspace(1, 0, positions.shape[1], dtype=np.float32) + np.zeros((len(positions), 1), np.float32)
        values = np.where(positions >= 0, values, -np.inf).astype(np.float32)
        with left_alone(values):
            found: NDArray[Any] = component.rerank(queries, positions, values)
        return found

    def check(self, found: NDArray[Any], positions: NDArray[np.int32]) -> None:
        """A permutation of the columns of each row."""
        assert found.shape == positions.shape
        assert found.dtype.name == "int64"
        assert (np.sort(found, axis=1) == np.arange(positions.shape[1])).all(), "not a permutation of each row"

    def test_has_the_role(self) -> None:
        """It has the method."""
        assert isinstance(type(self).make(), Reranker)

    def test_equal_values(self) -> None:
        """A ranker may value all candidates alike."""
        component, queries, positions = self.ready()
        self.check(component.rerank(queries, positions, np.zeros(positions.shape, np.float32)), positions)


class CandidateFilterContract(_ListContract):
    """Tests of the role ``candidate_filter``."""

    def answer(self, component: Any, queries: Queries, positions: NDArray[np.int32]) -> NDArray[Any]:
        """Which candidates may be shown."""
        found: NDArray[Any] = component.allow(queries, positions)
        return found

    def check(self, found: NDArray[Any], positions: NDArray[np.int32]) -> None:
        """A truth value a candidate."""
        assert found.shape == positions.shape
        assert found.dtype.name == "bool"

    def test_has_the_role(self) -> None:
        """It has the method."""
        assert isinstance(type(self).make(), CandidateFilter)

    def test_the_order_of_candidates_does_not_matter(self) -> None:
        """Whether an item may be shown does not depend on its place in the list."""
        component, queries, positions = self.ready()
        backwards = np.ascontiguousarray(positions[:, ::-1])
        found = self.answer(component, queries, backwards)[:, ::-1]
        np.testing.assert_array_equal(found, self.answer(component, queries, positions))


@cache
def _catalogue() -> TrainingData:
    """Made once: it is only read, and what a component could write into is copied or cannot be written."""
    data = tiny_training_data()
    for array in (data.items.base_content, data.items.base_counts, data.profiles):
        array.flags.writeable = False
    return data


def _examples(name: str, interactions: int, generator: np.random.Generator) -> RankingExamples:
    shape = (QUERIES, CANDIDATES + PADDED)
    positions = np.tile(np.arange(CANDIDATES + PADDED, dtype=np.int32), (QUERIES, 1))
    positions[:, CANDIDATES:] = -1
    real = positions >= 0
    relevant = np.zeros(shape, np.bool_)
    for row in relevant:
        row[generator.choice(CANDIDATES, RELEVANT, replace=False)] = True
    scores = generator.normal(size=(len(NAMES), *shape)).astype(np.float32)
    scores[1] = np.where(relevant, 2.0, -2.0) + 0.1 * scores[1]
    known = np.broadcast_to(real, scores.shape).copy()
    known[2] = False
    counts = np.where(real, 5 + positions, 0).astype(np.int32)
    counts[:, 0] = 0
    evidence = Evidence(*(np.full(QUERIES, interactions, np.int32) for _ in range(3)))
    inputs = RankingInputs(NAMES, np.where(known, scores, 0).astype(np.float32), known, positions, counts, evidence)
    return RankingExamples(name, inputs, relevant, np.full(QUERIES, RELEVANT, np.int32))


def _columns(inputs: RankingInputs, count: int) -> RankingInputs:
    """The first ``count`` candidates of each row."""
    first = (..., slice(count))
    return replace(
        inputs,
        scores=inputs.scores[first],
        known=inputs.known[first],
        positions=inputs.positions[first],
        counts=inputs.counts[first],
    )


def _assert_ranked(ranked: Ranked, inputs: RankingInputs) -> None:
    real = inputs.positions >= 0
    assert ranked.values.shape == inputs.positions.shape
    assert ranked.contributions.shape == inputs.scores.shape
    assert [ranked.values.dtype.name, ranked.contributions.dtype.name] == ["float32", "float32"]
    assert np.isfinite(ranked.values[real]).all()
    assert (ranked.values[~real] == -np.inf).all(), "padding is not -inf"
    assert np.isfinite(ranked.contributions).all()
    close(ranked.contributions.sum(axis=0)[real], ranked.values[real], "contributions do not sum to the values")
