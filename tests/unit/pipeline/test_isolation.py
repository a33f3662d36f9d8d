"""What a component can do wrong at request time, and what comes of it."""

import sys
import threading
import time
from importlib.metadata import EntryPoint
from types import ModuleType, SimpleNamespace

import pytest

from firstlight.hookspecs import hookimpl
from firstlight.pipeline import DegradationReason, Isolation, isolation as isolating
from firstlight.pipeline.threads import GuardedThreads
from firstlight.plugins import PluginInfo, PluginRules, load_plugins
from firstlight.plugins.registration import Registration
from firstlight.settings import IsolationSettings

STRANGE = "stranger"
FAST = IsolationSettings(faults=3, window_s=60, probe_after_s=0.05, longest_call_s=0.2, promote_after=10)


@pytest.fixture
def plugins():
    plugins = load_plugins(PluginRules(allow=()))
    plugins.infos.append(PluginInfo("strange-plugin", "strange-distribution", "1"))
    plugins.registrations[STRANGE] = Registration(
        STRANGE, "reranker", "strange-plugin", object, distribution="strange-distribution"
    )
    return plugins


@pytest.fixture
def isolation(plugins):
    return Isolation(plugins, FAST)


def reasons(batch) -> dict[str, DegradationReason]:
    return {each.component: each.reason for each in batch.degradations}


def fail():
    raise RuntimeError("secret")


def until(condition, timeout_s=5.0):
    end = time.monotonic() + timeout_s
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_a_built_in_and_a_trusted_component_run_in_the_callers_thread(plugins):
    batch = Isolation(plugins, FAST, trusted=("strange_distribution",)).batch({}, remaining_s=10)
    for name in ("popularity", STRANGE):
        assert batch(name, "score", threading.get_ident) == threading.get_ident()


def test_another_one_runs_in_a_thread_of_its_own(isolation):
    assert isolation.batch({}, remaining_s=10)(STRANGE, "score", threading.get_ident) != threading.get_ident()


def test_without_a_deadline_nobody_is_hurried(isolation):
    batch = isolation.batch({})
    assert batch(STRANGE, "score", lambda: (time.sleep(0.3), threading.get_ident())[1]) == threading.get_ident()


def test_it_is_promoted_after_enough_quick_calls_and_goes_back_after_a_fault(isolation):
    for _ in range(FAST.promote_after):
        isolation.batch({}, remaining_s=10)(STRANGE, "score", lambda: 1)
    assert isolation.health(STRANGE).inline
    assert not isolation.may_wait([STRANGE])
    assert isolation.batch({}, remaining_s=10)(STRANGE, "score", threading.get_ident) == threading.get_ident()
    isolation.batch({}, remaining_s=10)(STRANGE, "score", fail)
    assert not isolation.health(STRANGE).inline
    assert isolation.may_wait([STRANGE])


def test_it_goes_back_after_a_slow_call(isolation):
    for _ in range(FAST.promote_after):
        isolation.batch({}, remaining_s=10)(STRANGE, "score", lambda: 1)
    isolation.batch({}, remaining_s=10)(STRANGE, "score", lambda: time.sleep(0.05))
    assert not isolation.health(STRANGE).inline


def test_a_fault_is_named_without_its_text_and_the_batch_calls_it_no_more(isolation):
    counted = []
    isolation._count_fault = lambda *arguments: counted.append(arguments)
    batch = isolation.batch({}, remaining_s=10)
    assert batch(STRANGE, "generate", fail) is None
    assert batch(STRANGE, "score", lambda: pytest.fail("called again")) is None
    assert reasons(batch) == {STRANGE: DegradationReason.COMPONENT_FAILED}
    assert "secret" not in batch.degradations[0].detail
    assert counted == [(STRANGE, "COMPONENT_FAILED")]
    assert "secret" in isolation.health(STRANGE).error


def test_a_plugin_that_exits_does_not_end_the_process(isolation):
    batch = isolation.batch({}, remaining_s=10)
    assert batch(STRANGE, "score", lambda: sys.exit(3)) is None
    assert isolation.batch({}, remaining_s=10)(STRANGE, "score", lambda: 1) == 1


def test_it_is_quarantined_after_some_faults_until_a_probe_passes(isolation):
    for _ in range(FAST.faults):
        isolation.batch({}, remaining_s=10)(STRANGE, "score", fail)
    batch = isolation.batch({}, remaining_s=10)
    assert batch(STRANGE, "score", lambda: 1) is None
    assert reasons(batch) == {STRANGE: DegradationReason.COMPONENT_QUARANTINED}
    time.sleep(FAST.probe_after_s)
    isolation.batch({}, remaining_s=10)(STRANGE, "score", fail)  # a probe that fails
    until(lambda: isolation.health(STRANGE).faults == FAST.faults + 1)
    assert isolation.health(STRANGE).quarantined
    time.sleep(FAST.probe_after_s * 2)
    isolation.batch({}, remaining_s=10)(STRANGE, "generate", lambda: 1)  # failed in score: this proves nothing
    isolation.batch({}, remaining_s=10)(STRANGE, "score", lambda: 1)
    until(lambda: not isolation.health(STRANGE).quarantined)
    assert isolation.batch({}, remaining_s=10)(STRANGE, "score", lambda: 1) == 1


def test_old_faults_are_forgotten(plugins):
    isolation = Isolation(plugins, FAST.model_copy(update={"window_s": 0.01}))
    for _ in range(FAST.faults * 2):
        isolation.batch({}, remaining_s=10)(STRANGE, "score", fail)
        time.sleep(0.02)
    assert not isolation.health(STRANGE).quarantined


def test_the_floor_is_never_quarantined(isolation):
    for _ in range(FAST.faults * 2):
        isolation.batch({}, remaining_s=10)("popularity", "score", fail)
    assert isolation.batch({}, remaining_s=10)("popularity", "score", lambda: 1) == 1


@pytest.mark.parametrize("endless", [False, True])
def test_one_that_stalls_is_left_behind_within_its_share(isolation, endless):
    released = threading.Event()

    def stall():
        while endless and not released.is_set():
            sum(range(100))  # pure Python: it gives way to nobody
        released.wait(30)

    start = time.monotonic()
    batch = isolation.batch({}, remaining_s=2.0)
    assert batch(STRANGE, "score", stall) is None
    assert batch("popularity", "score", lambda: 1) == 1
    assert time.monotonic() - start < 1.0  # 0.2 s, and the noise of a busy machine
    assert reasons(batch) == {STRANGE: DegradationReason.COMPONENT_TIMED_OUT}
    assert isolation.threads.stuck == 1
    start = time.monotonic()
    again = isolation.batch({}, remaining_s=10)
    assert again(STRANGE, "score", lambda: 1) is None  # it still hangs: not called, no wait, no second thread
    assert time.monotonic() - start < 0.2  # what one call may take
    assert reasons(again) == {STRANGE: DegradationReason.COMPONENT_TIMED_OUT}
    assert isolation.threads.stuck == 1
    assert isolation.health(STRANGE).faults == 1
    released.set()
    until(lambda: isolation.threads.stuck == 0 and isolation.health(STRANGE).stuck == 0)
    assert isolation.batch({}, remaining_s=10)(STRANGE, "score", lambda: 1) == 1


def test_one_that_stalls_in_its_first_call_holds_one_thread_whoever_calls(isolation):
    released = threading.Event()
    batches = [isolation.batch({}, remaining_s=1.0) for _ in range(4)]
    callers = [threading.Thread(target=batch, args=(STRANGE, "score", lambda: released.wait(30))) for batch in batches]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert isolation.threads.stuck == 1
    assert all(reasons(batch) == {STRANGE: DegradationReason.COMPONENT_TIMED_OUT} for batch in batches)
    released.set()


def test_a_component_whose_own_timeout_is_over_failed(isolation):
    def give_up():
        raise TimeoutError

    batch = isolation.batch({}, remaining_s=10)
    assert batch(STRANGE, "score", give_up) is None
    assert reasons(batch) == {STRANGE: DegradationReason.COMPONENT_FAILED}


def test_a_hanging_thread_is_replaced_and_ends_when_it_returns():
    threads, released = GuardedThreads(2), threading.Event()
    before = threading.active_count()
    for _ in range(3):
        future = threads.submit(lambda: released.wait(30))
        until(future.running)
        assert threads.abandon(future)
    assert threads.stuck == 3
    assert threads.submit(lambda: 7).result(5) == 7
    released.set()
    until(lambda: threads.stuck == 0 and threading.active_count() <= before + 2)
    threads.close()
    until(lambda: threading.active_count() <= before)


def test_a_failing_observer_is_counted_and_named_in_no_answer(monkeypatch):
    @hookimpl
    def firstlight_before_recommend(catalog_id: str) -> None:
        raise RuntimeError(catalog_id)

    module = ModuleType("stranger_observer")
    module.firstlight_before_recommend = firstlight_before_recommend
    monkeypatch.setitem(sys.modules, module.__name__, module)
    loaded = load_plugins(extra=[EntryPoint("observer", module.__name__, "firstlight.plugins")])
    isolation = Isolation(loaded, FAST)
    batch = isolation.batch({}, remaining_s=10)
    isolation.observe(batch, "firstlight_before_recommend", catalog_id="default", queries=None)
    assert batch.degradations == ()
    assert isolation.health("observer").faults == 1


def test_a_stage_that_comes_late_is_left_to_popularity(plugins, monkeypatch):
    clock = SimpleNamespace(monotonic=lambda: clock.now_s, perf_counter=time.perf_counter, now_s=100.0)
    monkeypatch.setattr(isolating, "time", clock)
    counted = []
    isolation = Isolation(plugins, FAST, count_fault=lambda *fault: counted.append(fault))

    def called(operation, after_s, component="student"):
        clock.now_s = 100.0
        batch = isolation.batch({}, remaining_s=1.0)
        clock.now_s += after_s
        return batch(component, operation, lambda: True), reasons(batch)

    late = (None, {"student": DegradationReason.COMPONENT_TIMED_OUT})
    latest = {"generate": 0.5, "score": 0.7, "rank": 0.85, "rerank": 0.85, "explain": 0.95}
    for operation, share in latest.items():
        assert called(operation, share - 0.01) == (True, {})
        assert called(operation, share + 0.01) == late
    assert called("generate", 5.0, "popularity") == (True, {}), "the floor is always there"
    assert called("allow", 5.0) == (True, {}), "what must not be shown is not"
    assert counted == [], "it did nothing wrong"
    clock.now_s = 100.0
    unhurried = isolation.batch({})
    clock.now_s += 1000
    assert unhurried("student", "generate", lambda: True)
