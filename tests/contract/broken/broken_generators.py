"""A sound generator, and one for each check of its kit that it must not pass: ``breaks`` names the check."""

import json
import pickle
import sys
import time
import zipfile
from copy import deepcopy
from types import ModuleType
from typing import ClassVar

import numpy as np
import onnx
from onnx import TensorProto, helper

from firstlight import Candidates, Reason, ReasonCode, Scenario, Scores
from firstlight.testing import CandidateGeneratorContract, ColdStartStrategyContract, tiny_training_data


class Sound:
    """Content that the profile, and the items of the history, go with; passed through an ONNX model once loaded."""

    requires = ()
    scenarios = frozenset({Scenario.NEW_USER, Scenario.NEW_ITEM})
    scale = 1.0
    """Of what is loaded; 1 is right."""

    def fit(self, data, options):
        histories = data.dataset.histories
        liked = histories.keep(histories.positive(4.0))
        taken = data.items.base_content[liked.items]
        self.weights = data.profiles[liked.rows].T @ taken / len(taken)
        self.weights += 1e-4 * self.generator(options.seed).normal(size=self.weights.shape)
        self.weights = self.weights.astype(np.float32)
        self.items, self.model = data.items, None
        return {"loss": 0.5}

    def generator(self, seed):
        return np.random.default_rng(seed)

    def export(self, directory):
        np.save(directory / "weights.npy", self.weights)
        (directory / "state.json").write_text(json.dumps({"kind": "sound"}))
        save_model(directory / "scale.onnx", width=self.weights.shape[1], scale=1.0)

    def load(self, directory, runtime):
        self.weights, self.items = np.array(runtime.array(directory / "weights.npy")) * self.scale, runtime.items
        self.model = runtime.session(directory / "scale.onnx")

    def wanted(self, queries):
        """float32 (B, C)."""
        histories = queries.histories
        out = queries.profiles @ self.weights
        np.add.at(out, histories.rows, 0.1 * self.items.content(histories.items))
        return out if self.model is None else self.model.run({"x": out})["y"]

    def score(self, queries, positions):
        content = self.items.content(positions)
        values = np.einsum("bc,bnc->bn", self.wanted(queries), content)
        return Scores(np.where(positions >= 0, values, 0).astype(np.float32), positions >= 0)

    def generate(self, queries, limit):
        positions = np.tile(np.arange(self.items.size, dtype=np.int32), (len(queries), 1))
        return Candidates.best(self.score(queries, positions).values, limit, positions=positions)

    def explain(self, queries, positions):
        reason = Reason(ReasonCode.MATCHES_CONTENT)
        return [[reason if p >= 0 else None for p in row] for row in positions]

    def item_vectors(self, positions):
        return self.items.content(positions)

    def embed_items(self, content):
        return content.astype(np.float32)


def save_model(path, *, width, scale):
    """y = x · scale, float32 (B, width)."""
    shape = ["batch", width]
    graph = helper.make_graph(
        [helper.make_node("Mul", ["x", "scale"], ["y"])],
        "scale",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, shape)],
        [helper.make_tensor("scale", TensorProto.FLOAT, [1], [scale])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, str(path))


DATA = tiny_training_data()


class Kit(ColdStartStrategyContract):
    __test__ = False

    @classmethod
    def training_data(cls):
        return deepcopy(DATA)  # quicker than making it


class TestSound(ColdStartStrategyContract):
    component = Sound


class TestSoundGenerator(CandidateGeneratorContract):
    component = Sound


def faulty(name, breaks, *, lacks=None, **members):
    """A kit ``Test<name>`` over :class:`Sound` with these members changed."""
    settings = {key: members.pop(key) for key in ("time_budget_s",) if key in members}
    component = type(name, (Sound,), members)
    body = {
        "__test__": True,
        "component": component,
        "breaks": breaks,
        "lacks": lacks or {},
        "__module__": __name__,
        **settings,
    }
    globals()[f"Test{name}"] = type(f"Test{name}", (Kit,), body)


faulty("NoReason", "test_what_it_lacks_has_a_reason", lacks={"onnx": " "})
faulty("NoCapability", "test_what_it_lacks_has_a_reason", lacks={"flight": "it cannot fly"})
faulty("NoExplanation", "test_has_the_role", explain=None)
faulty("HiddenNeed", "test_has_the_role", requires=("popularity",))


def fit_nan(self, data, options):
    Sound.fit(self, data, options)
    return {"loss": np.nan}


def fit_in_place(self, data, options):
    metrics = Sound.fit(self, data, options)
    data.profiles[:, 0] += 1
    return metrics


faulty("NanMetric", "test_fit", fit=fit_nan)
faulty("Vandal", "test_fit", fit=fit_in_place)


def score_with(change):
    def score(self, queries, positions):
        found = Sound.score(self, queries, positions)
        return change(self, queries, positions, found) or found

    return score


def replaced(values=None, known=None):
    def change(self, queries, positions, found):
        return Scores(
            found.values if values is None else values(self, queries, positions, found.values).astype(np.float32),
            found.known if known is None else known(self, queries, positions, found.known),
        )

    return score_with(change)


faulty("Nan", "test_scores_are_finite_and_shaped", score=replaced(lambda s, q, p, v: np.where(p == 3, np.nan, v)))
faulty("Infinite", "test_scores_are_finite_and_shaped", score=replaced(lambda s, q, p, v: np.where(p == 3, np.inf, v)))
faulty("Transposed", "test_scores_are_finite_and_shaped", score=replaced(lambda s, q, p, v: v.T))
faulty(
    "Doubles",
    "test_scores_are_finite_and_shaped",
    score=score_with(lambda s, q, p, found: Scores(found.values.astype(float), found.known)),
)
faulty("ScoresTheUnknown", "test_scores_are_finite_and_shaped", score=replaced(known=lambda s, q, p, k: k & (p != 3)))
faulty("KnowsPadding", "test_padding_is_unknown", score=replaced(known=lambda s, q, p, k: np.ones_like(k)))


def needs_candidates(self, queries, positions, found):
    found.values[:, 0].max()


faulty("NeedsCandidates", "test_no_candidates_and_no_queries", score=score_with(needs_candidates))


def needs_a_profile(self, queries):
    return Sound.wanted(self, queries) / queries.profiles.sum(axis=1, keepdims=True)


faulty("NeedsAProfile", "test_an_unknown_user", wanted=needs_a_profile)


def needs_history(self, queries, limit):
    found = Sound.generate(self, queries, limit)
    empty = queries.histories.lengths == 0
    return Candidates(np.where(empty[:, None], -1, found.positions), found.scores)


faulty("NeedsHistory", "test_a_profile_alone", generate=needs_history)
faulty("NeedsHistoryToo", "test_answers_a_new_user", generate=needs_history)


def only_the_bundle(self, queries, positions, found):
    self.items.base_content[positions]


faulty("OnlyTheBundle", "test_an_item_added_while_serving", score=score_with(only_the_bundle))
faulty(
    "KnowsNoNewItem",
    "test_an_item_added_while_serving_is_scored",
    score=replaced(
        lambda s, q, p, v: np.where(p < s.items.base_size, v, 0), lambda s, q, p, k: k & (p < s.items.base_size)
    ),
)


def one_by_one(self, queries):
    histories = queries.histories
    if len(set(zip(histories.rows, histories.items, strict=True))) < len(histories.items):
        raise ValueError("an item comes twice")
    return Sound.wanted(self, queries)


faulty("OneByOne", "test_duplicates_in_a_history", wanted=one_by_one)
faulty("AtLeastOne", "test_limit_zero", generate=lambda self, queries, limit: Sound.generate(self, queries, limit or 1))


def generate_with(change):
    def generate(self, queries, limit):
        found = Sound.generate(self, queries, limit)
        return Candidates(*change(found.positions, found.scores))

    return generate


faulty("WorstFirst", "test_lists", generate=generate_with(lambda p, s: (p[:, ::-1], s[:, ::-1])))
faulty("Twice", "test_lists", generate=generate_with(lambda p, s: (np.where(p == p[:, 1:2], p[:, :1], p), s)))
faulty("PaddedFirst", "test_lists", generate=generate_with(lambda p, s: (np.where(p == p[:, :1], -1, p), s)))
faulty("BeyondTheCatalogue", "test_lists", generate=generate_with(lambda p, s: (np.where(p == 3, 1000, p), s)))
faulty("TooWide", "test_lists", generate=generate_with(lambda p, s: (np.repeat(p, 2, axis=1), np.repeat(s, 2, axis=1))))
faulty("Longs", "test_lists", generate=generate_with(lambda p, s: (p.astype(np.int64), s)))
faulty("OtherScores", "test_lists_agree_with_scores", generate=generate_with(lambda p, s: (p, 2 * s)))


def compared_with_the_batch(self, queries):
    wanted = Sound.wanted(self, queries)
    return wanted - wanted.mean(axis=0) if len(queries) else wanted


faulty("ComparedWithTheBatch", "test_batch_equals_single", wanted=compared_with_the_batch)
faulty("Forgets", "test_loaded_equals_fitted", scale=1.01)


def export_wrong_model(self, directory):
    Sound.export(self, directory)
    save_model(directory / "scale.onnx", width=self.weights.shape[1], scale=1.01)


def export_another_model(self, directory):
    Sound.export(self, directory)
    save_model(directory / "another.onnx", width=self.weights.shape[1], scale=1.0)


def load_no_model(self, directory, runtime):
    Sound.load(self, directory, runtime)
    self.model = None


def export_no_model(self, directory):
    np.save(directory / "weights.npy", self.weights)


def load_weights(self, directory, runtime):
    self.weights, self.items, self.model = np.load(directory / "weights.npy"), runtime.items, None


faulty("WrongModel", "test_onnx_equals_fitted", export=export_wrong_model)
faulty("UnusedModel", "test_onnx_equals_fitted", export=export_another_model)
faulty("NoModel", "test_onnx_equals_fitted", export=export_no_model, load=load_weights)
faulty("DeniesItsModel", "test_onnx_equals_fitted", lacks={"onnx": "so it says"})


def load_by_torch(self, directory, runtime):
    trained = ModuleType("broken_training")
    trained.torch = ModuleType("torch")
    sys.modules[trained.__name__] = trained
    import broken_training  # noqa: F401

    Sound.load(self, directory, runtime)


faulty("LoadsByTorch", "test_load_needs_no_torch", load=load_by_torch)
faulty("Unseeded", "test_same_seed_same_scores", generator=lambda self, seed: np.random.default_rng())


def fit_slowly(self, data, options):
    if options.time_budget_s is not None:
        time.sleep(0.2)
    return Sound.fit(self, data, options)


faulty("Slow", "test_time_budget", fit=fit_slowly, time_budget_s=0.01)


def wanted_of_the_last_caller(self, queries):
    self.queries = queries
    time.sleep(1e-4)
    found = Sound.wanted(self, self.queries)
    return np.resize(found, (len(queries), found.shape[1]))


faulty("OneThread", "test_many_threads", wanted=wanted_of_the_last_caller)


def all_liked(self, queries, positions, found):
    queries.histories.values[:] = 5.0


faulty("WritesIntoQueries", "test_inputs_are_left_alone", score=score_with(all_liked))
faulty(
    "VectorsOfTheBundle",
    "test_item_vectors",
    item_vectors=lambda self, positions: self.items.base_content[positions],
)
faulty(
    "VectorsByBatch",
    "test_item_vectors",
    item_vectors=lambda self, positions: self.items.content(positions) - self.items.content(positions).mean(axis=0),
)
faulty("DeniesItsVectors", "test_item_vectors", lacks={"item_vectors": "so it says"})


def exporting(write):
    def export(self, directory):
        Sound.export(self, directory)
        write(directory)

    return export


def write_zip(directory):
    with zipfile.ZipFile(directory / "model.zip", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(1))


faulty("Pickles", "test_no_pickle", export=exporting(lambda d: (d / "state.bin").write_bytes(pickle.dumps({"a": 1}))))
faulty("OldPickles", "test_no_pickle", export=exporting(lambda d: (d / "old.bin").write_bytes(pickle.dumps([1], 0))))
faulty("Objects", "test_no_pickle", export=exporting(lambda d: np.save(d / "o.npy", np.array([{}], object))))
faulty("ZippedPickle", "test_no_pickle", export=exporting(write_zip))
faulty("NamedPickle", "test_no_pickle", export=exporting(lambda d: (d / "model.pt").write_bytes(b"nothing")))


def invent(self, queries, positions):
    reason = Reason(ReasonCode.SIMILAR_TO_HISTORY, history_position=17)
    return [[reason if p >= 0 else None for p in row] for row in positions]


def reason_for_all(self, queries, positions):
    return [[Reason(ReasonCode.POPULAR)] * positions.shape[1]] * len(positions)


faulty("InventsReasons", "test_reasons", explain=invent)
faulty(
    "ReasonsForPadding", "test_reasons", explain=lambda s, q, p: [[Reason(ReasonCode.POPULAR)] * p.shape[1]] * len(p)
)
faulty("NoScenario", "test_has_the_cold_start_role", scenarios=frozenset())
faulty("NoStrategy", "test_has_the_cold_start_role", embed_items=None)
faulty("Denies", "test_has_the_cold_start_role", lacks={"new_users": "so it says"})
faulty(
    "NewItemsForKnownUsersOnly",
    "test_answers_for_a_new_item",
    score=replaced(
        lambda s, q, p, v: np.where((p < s.items.base_size) | (q.histories.lengths > 0)[:, None], v, 0),
        lambda s, q, p, k: k & ((p < s.items.base_size) | (q.histories.lengths > 0)[:, None]),
    ),
)
faulty(
    "EmbedsByBatch", "test_embeds_items_by_content", embed_items=lambda self, content: content - content.mean(axis=0)
)


class WithoutVectors(Sound):
    item_vectors = None

    def __getattribute__(self, name):
        if name == "item_vectors":
            raise AttributeError(name)
        return super().__getattribute__(name)


class TestUndeclared(ColdStartStrategyContract):
    component = WithoutVectors
    breaks: ClassVar = "test_item_vectors"
