"""A sound ranker, reranker and filter, and one for each check of their kits that it must not pass."""

import json
import pickle
import time

import numpy as np

from firstlight import Ranked
from firstlight.testing import CandidateFilterContract, RankerContract, RerankerContract


class SoundRanker:
    """Sums the scores, each weighted by how well it tells what is relevant."""

    def __init__(self):
        self.weights = {}

    def fit(self, examples, *, seed, progress=None):
        generator = self.generator(seed)
        for example in examples:
            for s, name in enumerate(example.inputs.names):
                known = example.inputs.known[s]
                relevant = example.inputs.scores[s][known & example.relevant]
                others = example.inputs.scores[s][known & ~example.relevant]
                gap = float(relevant.mean() - others.mean()) if len(relevant) else 0.0
                self.weights[name] = max(0.0, gap) + 1e-6 * float(generator.normal())
        return {"loss": 0.25}

    def generator(self, seed):
        return np.random.default_rng(seed)

    def export(self, directory):
        (directory / "weights.json").write_text(json.dumps(self.weights))

    def load(self, directory):
        self.weights = json.loads((directory / "weights.json").read_text())

    def rank(self, inputs):
        weights = np.array([self.weights.get(name, 0.0) for name in inputs.names], np.float32)
        parts = np.where(inputs.known, inputs.scores * weights[:, None, None], 0).astype(np.float32)
        values = np.where(inputs.positions >= 0, parts.sum(axis=0), -np.inf).astype(np.float32)
        return Ranked(values, parts)


class SoundReranker:
    """Puts items at even positions first, for users with a history; asked for the tiny catalogue's items."""

    def use_items(self, items, content_names):
        self.items = items

    def rerank(self, queries, positions, values):
        known = (queries.histories.lengths > 0)[:, None]
        return np.argsort(known & (positions % 2 == 1), axis=1, kind="stable").astype(np.int64)


class SoundFilter:
    """Hides every fifth item from users with a profile."""

    def allow(self, queries, positions):
        return ~(queries.profiles.any(axis=1)[:, None] & (positions % 5 == 0))


class TestSoundRanker(RankerContract):
    component = SoundRanker


class TestSoundReranker(RerankerContract):
    component = SoundReranker


class TestSoundFilter(CandidateFilterContract):
    component = SoundFilter


def faulty(name, breaks, kit, *, lacks=None, **members):
    """A kit ``Test<name>`` over the sound component with these members changed."""
    sound = {RankerContract: SoundRanker, RerankerContract: SoundReranker, CandidateFilterContract: SoundFilter}[kit]
    component = type(name, (sound,), members)
    body = {"component": component, "breaks": breaks, "lacks": lacks or {}, "__module__": __name__}
    globals()[f"Test{name}"] = type(f"Test{name}", (kit,), body)


def rank_with(change):
    """``change(inputs, values, contributions)`` gives other values and contributions."""

    def rank(self, inputs):
        found = SoundRanker.rank(self, inputs)
        values, parts = change(inputs, found.values, found.contributions)
        return Ranked(values.astype(np.float32), parts.astype(np.float32))

    return rank


def ranker(name, breaks, **members):
    faulty(name, breaks, RankerContract, **members)


ranker("NoRank", "test_has_the_role", rank=None)
ranker("PaddingFirst", "test_values_are_shaped_and_padding_is_last", rank=rank_with(lambda i, v, p: (v * 0 + 1, p)))
ranker("Nan", "test_values_are_shaped_and_padding_is_last", rank=rank_with(lambda i, v, p: (v * np.nan, p)))
ranker("OtherParts", "test_values_are_shaped_and_padding_is_last", rank=rank_with(lambda i, v, p: (v, 2 * p + 1)))
ranker(
    "NeedsCandidates",
    "test_no_candidates_and_no_queries",
    rank=rank_with(lambda i, v, p: (v + 0 * v.max(axis=1, keepdims=True), p)),
)


def only_where_known(inputs, values, parts):
    values[inputs.known.any(axis=0)].max()
    return values, parts


def two_alone(inputs, values, parts):
    return values + 0 * inputs.scores[1], parts


ranker("NeedsScores", "test_nothing_is_known", rank=rank_with(only_where_known))
ranker("NeedsAll", "test_a_component_is_missing_or_new", rank=rank_with(two_alone))


def fit_needs_examples(self, examples, *, seed, progress=None):
    assert examples
    return SoundRanker.fit(self, examples, seed=seed)


ranker("NeedsExamples", "test_nothing_to_learn_from", fit=fit_needs_examples)


def shared(inputs, values, parts):
    total = parts.sum(axis=(1, 2), keepdims=True) / parts[0].size
    return np.where(inputs.positions >= 0, (parts - total).sum(axis=0), -np.inf), parts - total


ranker("ComparedWithTheBatch", "test_batch_equals_single", rank=rank_with(shared))
ranker("LearnsNothing", "test_it_learns", fit=lambda self, examples, *, seed, progress=None: {})


def load_something_else(self, directory):
    SoundRanker.load(self, directory)
    self.weights = {name: weight + 0.5 for name, weight in self.weights.items()}


ranker("Forgets", "test_loaded_equals_fitted", load=load_something_else)
ranker("Unseeded", "test_same_seed_same_values", generator=lambda self, seed: np.random.default_rng())


def rank_the_last_caller(self, inputs):
    self.inputs = inputs
    time.sleep(1e-4)
    return SoundRanker.rank(self, self.inputs)


def rank_in_place(self, inputs):
    inputs.scores[:] = 0
    return SoundRanker.rank(self, inputs)


def export_pickle(self, directory):
    SoundRanker.export(self, directory)
    (directory / "state.bin").write_bytes(pickle.dumps(self.weights))


ranker("OneThread", "test_many_threads", rank=rank_the_last_caller)
ranker("WritesIntoInputs", "test_inputs_are_left_alone", rank=rank_in_place)
ranker("Pickles", "test_no_pickle", export=export_pickle)


def reranker(name, breaks, change=None, **members):
    """``change(queries, positions, values, columns)`` gives other columns."""
    if change is not None:

        def rerank(self, queries, positions, values):
            return change(queries, positions, values, SoundReranker.rerank(self, queries, positions, values))

        members["rerank"] = rerank
    faulty(f"Reranker{name}", breaks, RerankerContract, **members)


def rerank_the_last_caller(self, queries, positions, values):
    self.queries = queries
    time.sleep(1e-4)
    return SoundReranker.rerank(self, self.queries, positions, values)


def rerank_counting(self, queries, positions, values):
    self.asked = getattr(self, "asked", 0) + 1
    return np.roll(SoundReranker.rerank(self, queries, positions, values), self.asked, axis=1)


def in_place(queries, positions, values, columns):
    positions[:] = np.take_along_axis(positions, columns, axis=1)
    return columns


def needs_attributes(queries, positions, values, columns):
    return columns if len(queries) == len(queries.attributes) else columns[:0]


def distinct_values(queries, positions, values, columns):
    for n, row in enumerate(values):
        if len(row) > 1 and len(set(row.tolist())) == 1 and np.isfinite(row).all():
            raise ValueError(f"row {n} has equal values")
    return columns


reranker("NoMethod", "test_has_the_role", rerank=None)
reranker("Positions", "test_the_answer_is_whole", lambda q, p, v, columns: p.astype(np.int64))
reranker("Twice", "test_the_answer_is_whole", lambda q, p, v, columns: np.zeros_like(columns))
reranker("Ints", "test_the_answer_is_whole", lambda q, p, v, columns: columns.astype(np.int32))
reranker("Cuts", "test_the_answer_is_whole", lambda q, p, v, columns: columns[:, :3])
reranker(
    "NeedsCandidates", "test_no_candidates_and_no_queries", lambda q, p, v, c: c + 0 * c.max(axis=1, keepdims=True)
)
reranker("NeedsAttributes", "test_an_unknown_user", needs_attributes)
reranker("ByBatch", "test_batch_equals_single", lambda q, p, v, columns: columns[:, ::-1] if len(q) > 1 else columns)
reranker("Remembers", "test_asked_twice_it_answers_the_same", rerank=rerank_counting)
reranker("OneThread", "test_many_threads", rerank=rerank_the_last_caller)
reranker("WritesIntoPositions", "test_inputs_are_left_alone", in_place)
reranker("NeedsDistinct", "test_equal_values", distinct_values)


def a_filter(name, breaks, change=None, **members):
    """``change(queries, positions, allowed)`` gives another answer."""
    if change is not None:
        members["allow"] = lambda self, q, p: change(q, p, SoundFilter.allow(self, q, p))
    faulty(f"Filter{name}", breaks, CandidateFilterContract, **members)


def numbers(queries, positions, allowed):
    return allowed.astype(np.int8)


a_filter("NoMethod", "test_has_the_role", allow=None)
a_filter("Numbers", "test_the_answer_is_whole", numbers)
a_filter("OneForAll", "test_the_answer_is_whole", lambda q, p, allowed: allowed[0])
a_filter("TopHalf", "test_the_order_of_candidates_does_not_matter", lambda q, p, a: a & (np.arange(p.shape[1]) < 5))
