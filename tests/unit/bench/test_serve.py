"""What ``make bench-serve`` resamples, drives and judges."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from firstlight.bundle import Bundle
from firstlight.domain import Histories, HistoryEntry, Queries, Query
from firstlight.pipeline import Engine
from firstlight.plugins import load_plugins
from firstlight.v1.recommendation_pb2 import Recommendation, RecommendedItem
from firstlight.v1.recommendation_service_pb2 import RecommendRequest, RecommendResponse

ROOT = Path(__file__).parents[3]
SERVE = ROOT / "bench" / "serve"
SIZE = 500


@pytest.fixture(scope="module")
def draw():
    from resampling import Draw

    return Draw(40, SIZE, 0)


# ---------------------------------------------------------------- resampling


def test_real_items_stay_and_new_ones_lie_between_their_parents(draw, tmp_path):
    table = np.random.default_rng(1).normal(0, 10, (40, 8)).astype(np.float32)
    table[:, 0] = 3.0
    made = draw.rows(table, "a table", tmp_path / "made.npy")
    assert np.array_equal(made[:40], table)
    assert np.allclose(made[:, 0], 3.0)  # no deviation, no noise
    share = draw.share[40:, None]
    expected = share * table[draw.near[40:]] + (1 - share) * table[draw.far[40:]]
    left = (made[40:] - expected)[:, 1:] / table.std(axis=0)[1:]
    assert left.std() == pytest.approx(0.25, rel=0.1)
    assert draw.share.min() >= 0.5


def test_lists_name_descendants_of_what_they_named(draw):
    listed = np.random.default_rng(2).integers(-1, 40, (40, 30)).astype(np.int32)
    made = draw.lists(listed, seed=0)
    assert np.array_equal(made < 0, listed < 0)
    assert np.array_equal(draw.near[made[listed >= 0]], listed[listed >= 0])
    assert made.max() >= 40


def test_sparse_weights_follow_the_nearer_parent(draw, tmp_path):
    rng = np.random.default_rng(3)
    rows = [np.sort(rng.permutation(40)[: n % 7]) for n in range(40)]
    offsets = np.cumsum([0, *map(len, rows)]).astype(np.int32)
    given = {
        "values": rng.random(offsets[-1]).astype(np.float32),
        "items": np.concatenate(rows).astype(np.int32),
        "offsets": offsets,
    }
    (tmp_path / "made").mkdir()
    for name, array in given.items():
        np.save(tmp_path / f"{name}.npy", array)
    draw.sparse(tmp_path, tmp_path / "made")
    values, items, ends = (np.load(tmp_path / "made" / f"{name}.npy") for name in given)
    assert len(ends) == SIZE + 1
    for row, parent in enumerate(draw.near):
        here, there = slice(*ends[row : row + 2]), slice(*offsets[parent : parent + 2])
        assert (np.diff(items[here]) > 0).all()
        assert sorted(draw.near[items[here]]) == given["items"][there].tolist()
        assert sorted(values[here]) == sorted(given["values"][there])


def test_a_resampled_bundle_answers_with_new_items_too(tmp_path):
    from catalogues import resample
    from resampling import Draw

    real = Bundle.open(ROOT / "tests" / "golden" / "format-3")
    path = resample(
        real, tmp_path, Draw(real.manifest.items, SIZE, 0), Queries(np.zeros((1, 2), np.float32), Histories.empty(1))
    )
    engine = Engine.open(path, load_plugins())
    assert set(engine.absent) == {"decades"}  # the golden bundle has an encoder of a plugin that is not here
    history = tuple(HistoryEntry(real.ids.id_of(n), 5.0) for n in range(3))
    (answer,) = engine.recommend([Query(history=history, limit=20)])
    assert len(answer.items) == 20
    assert any(item.item_id.startswith("r") for item in answer.items)


# ---------------------------------------------------------------- driving


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    if shutil.which("go") is None:
        pytest.skip("Go is not installed")
    from driving import build

    return build(tmp_path_factory.mktemp("load"))


@pytest.fixture
def echo(tmp_path):
    items = [RecommendedItem(item_id=f"item-{n}", score=1 / (1 + n), source="popularity") for n in range(20)]
    answer = RecommendResponse(recommendation=Recommendation(items=items, bundle_id="bundle-1"))
    (tmp_path / "answer.binpb").write_bytes(answer.SerializeToString())
    command = [sys.executable, str(SERVE / "echo.py"), str(tmp_path / "answer.binpb"), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process.stdout.readline().split()[-1], answer
        finally:
            process.terminate()


def drive(generator, address, tmp_path, *options):
    from asking import write

    files = write([RecommendRequest(), RecommendRequest(catalog_id="other")], tmp_path, "asked")
    command = [str(generator), "-server", address, "-requests", str(files.many), "-seconds", "1", *options]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout)


def test_the_echo_answers_the_same_list(echo, tmp_path):
    import grpc

    from firstlight.v1.recommendation_service_pb2_grpc import RecommendationServiceStub

    address, answer = echo
    with grpc.insecure_channel(address) as channel:
        stub = RecommendationServiceStub(channel)
        assert all(stub.Recommend(RecommendRequest(), timeout=20) == answer for _ in range(2))


def test_the_generator_counts_what_was_answered(generator, echo, tmp_path):
    address, _ = echo
    told = drive(generator, address, tmp_path, "-mode", "closed", "-connections", "2", "-streams", "2")
    assert set(told["counts"]) == {"OK"}
    assert told["per_second"] == pytest.approx(told["counts"]["OK"] / told["seconds"])
    assert 0 < told["p50_ms"] <= told["p95_ms"] <= told["p99_ms"] <= told["max_ms"]
    assert told["degraded"] == 0


def test_the_open_loop_begins_as_many_calls_as_it_is_told_to(generator, echo, tmp_path):
    address, _ = echo
    told = drive(generator, address, tmp_path, "-mode", "open", "-rate", "200")
    assert told["counts"]["OK"] == pytest.approx(200, abs=60)  # more than four deviations of Poisson


def test_the_generator_tells_failures_by_their_status(generator, tmp_path):
    options = ("-mode", "open", "-rate", "50", "-deadline", "200ms")
    told = drive(generator, "127.0.0.1:1", tmp_path, *options)
    assert set(told["counts"]) <= {"Unavailable", "DeadlineExceeded"}
    assert sum(told["counts"].values()) > 10
    assert told["per_second"] == 0


def test_a_connection_that_obeys_is_silent_for_as_long_as_it_is_told(generator, tmp_path):
    import grpc

    def refuse(_request, context):
        context.set_trailing_metadata((("grpc-retry-pushback-ms", "400"),))
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "too much")

    handler = grpc.unary_unary_rpc_method_handler(refuse)
    service = grpc.method_handlers_generic_handler("firstlight.v1.RecommendationService", {"Recommend": handler})
    server = grpc.server(ThreadPoolExecutor(4))
    server.add_generic_rpc_handlers((service,))
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    options = ("-mode", "open", "-rate", "200", "-connections", "2")
    heedless, obeying = (drive(generator, address, tmp_path, *options, *more) for more in ((), ("-obey",)))
    server.stop(0)
    assert (set(heedless["counts"]), heedless["held"]) == ({"ResourceExhausted"}, 0)
    assert obeying["held"] > obeying["counts"]["ResourceExhausted"]
    assert obeying["held"] + obeying["counts"]["ResourceExhausted"] == pytest.approx(200, abs=60)


# ---------------------------------------------------------------- judging


def load(ratio):
    from measuring import Load

    return Load(100, 1000, ratio, 1.0, 0.1, 100, 0.0)


def found():
    from asking import CACHED
    from goals import LARGE, MIDDLE, SMALL, goals
    from loads import tables
    from measuring import Latency, Measured, Memory
    from parts import Found

    measured = {
        SMALL: Measured(SMALL, Memory(1, 1), {(CACHED, "fast"): load(0.6)}),
        MIDDLE: Measured(
            MIDDLE,
            Memory(1, 1),
            {(CACHED, "fast"): load(0.5), (CACHED, "full"): load(0.24)},
            {
                (CACHED, "fast"): Latency(50, (1, 2, 9), (1, 2, 3)),
                (CACHED, "full"): Latency(50, (1, 2, 9.1), (1, 2, 3)),
            },
        ),
        LARGE: Measured(LARGE, Memory(1, 1), {(CACHED, "fast"): load(0.2)}),
    }
    return Found(goals(measured, None), tables(measured, {"Microseconds": {"read": 3.0, "write": 4.0}}))


def test_what_falls_short_is_marked_and_what_was_not_measured_says_so():
    from goals import NOT_MEASURED
    from run import PARTS
    from writing import figures

    loads = found()
    reached = {one.name: one for one in loads.goals}
    assert reached["`fast`, 100,000 items, cached user"].done is True
    assert reached["`full`, 100,000 items, cached user"].done is False
    assert reached["`fast`, 100,000 items, new user, all inline"].reached == NOT_MEASURED
    assert reached["p99 at half its own capacity, `fast`, 100,000 items"].done is True
    assert reached["p99 at half its own capacity, `full`, 100,000 items"].done is False
    assert reached["`fast` throughput from 1,682 to 1,000,000 items"].reached == "falls by 67%"
    assert reached["start to the first answer, 100,000 items"].done is None
    text = figures(PARTS, {"loads": loads}).markdown()
    assert text.count("**falls short**") == 3
    assert text.count(NOT_MEASURED) == 14


def test_a_part_that_is_measured_again_leaves_the_others_and_the_notes(tmp_path):
    from goals import Goal
    from parts import Found, keep, read
    from run import PARTS
    from table import Table
    from writing import write

    file, results = tmp_path / "measurements.json", tmp_path / "RESULTS.md"
    results.write_text("old\n\n## What was tried\n\nMuch.\n", "utf-8")
    (goal,) = PARTS["swaps"].goals
    keep(file, "loads", found())
    keep(file, "swaps", Found([goal.met("9 failed", False)], when="2026-01-02", machine="a small one"))
    swaps = Found(
        [goal.met("0 failed", True)], [Table("Swaps", ["", "ms"], [("p99", "3")], "Quiet.")], "2026-01-03", "mine"
    )
    keep(file, "swaps", swaps)
    kept = read(file)
    assert (list(kept["swaps"].goals), kept["swaps"].when) == (swaps.goals, "2026-01-03")
    assert [Goal(**vars(one)) for one in kept["loads"].goals] == found().goals
    write(results, PARTS, kept)
    text = results.read_text("utf-8")
    assert "- `swaps`: mine, 2026-01-03." in text
    assert "| 100 bundle swaps under load | 0 failed, p99 ≤ 3 × steady | 0 failed | reached |" in text
    assert "## Swaps\n\nQuiet.\n\n|  | ms |\n| --- | ---: |\n| p99 | 3 |" in text
    assert text.index("## Closed loop") < text.index("## Swaps") < text.index("## What was tried\n\nMuch.")
    assert "old" not in text


def test_parts_are_named(monkeypatch):
    from run import arguments

    monkeypatch.setattr("sys.argv", ["run.py", "--only", "memory,swaps"])
    assert arguments().only == ("memory", "swaps")
    monkeypatch.setattr("sys.argv", ["run.py", "--only", "memory,magic"])
    with pytest.raises(SystemExit):
        arguments()


# ---------------------------------------------------------------- writes and swaps


def test_ids_in_order_of_time_are_uuids_of_version_7(tmp_path):
    import uuid

    from events import ordered_id, random_id

    made = [ordered_id(1_700_000_000_000 + n) for n in range(100)]
    assert made == sorted(made)
    assert {uuid.UUID(one).version for one in made} == {7}
    assert {uuid.UUID(random_id(0)).version for _ in range(9)} == {4}


def test_requests_bring_what_was_drawn():
    from events import drawn, ordered_id, requests

    from firstlight.server import from_proto
    from firstlight.server.checks import Checks
    from firstlight.v1.interaction_service_pb2 import BatchWriteInteractionsRequest

    first, second = requests(drawn(ordered_id, 1_700_000_000_000_000), 3, 2)
    with Checks() as checks:
        sent = [
            from_proto.interaction(one, "i", checks)
            for body in (first, second)
            for one in BatchWriteInteractionsRequest.FromString(body).interactions
        ]
    assert [one.time_us for one in sent] == [1_700_000_000_000_000 + 1_000 * n for n in range(6)]
    assert len({one.interaction_id for one in sent}) == 6


def test_a_list_is_a_bundles_own_where_the_scores_are():
    from swaps import is_of

    def answer(*items):
        return Recommendation(items=[RecommendedItem(item_id=name, score=score) for name, score in items])

    alone = answer(("a", 0.9), ("b", 0.5), ("c", 0.5))
    assert is_of(answer(("a", 0.90001), ("c", 0.5), ("b", 0.5)), alone)
    assert not is_of(answer(("a", 0.9), ("b", 0.5), ("d", 0.4)), alone)
    assert not is_of(answer(("a", 0.9), ("b", 0.5)), alone)


# ---------------------------------------------------------------- overload


def test_an_overload_is_judged_by_what_was_answered_and_by_what_came_after():
    from goals import NOT_MEASURED
    from overload import HEEDLESS, OBEYING, PART, Stress, goals

    def judged(**given):
        shape = {"peak": 100, "offered": 500, "held": 0, "counts": {}, "p50_ms": 90, "lag_ms": 1}
        fine = {"answered": 85, "p99_ms": 249, "recovered": True, "growth_mb": 9}
        stress = Stress(**shape | fine | given)
        return [one.done for one in goals({"fast": {HEEDLESS: stress, OBEYING: stress}})]

    assert judged() == [True, False, None, None]
    assert judged(answered=90, p99_ms=251) == [False, True, None, None]
    assert judged(answered=79) == [False, False, None, None]
    assert judged(recovered=False) == judged(growth_mb=101) == [False, False, None, None]
    assert [one.reached for one in PART.goals] == [NOT_MEASURED] * 4
