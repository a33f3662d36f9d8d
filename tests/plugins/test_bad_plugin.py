"""Everything the bad plugin does wrong, and that the engine answers nevertheless and says what it left out."""

import sys
import time

import pytest

from firstlight.domain import Query
from firstlight.errors import PluginError
from firstlight.pipeline import DegradationReason
from firstlight.plugins import PluginRules, PluginState, load_plugins

ROLES = ("generator", "reranker", "filter", "encoder")
WRONG = ("raise", "exit", "shape", "nan", "inf")


@pytest.fixture
def engine(firstlight_engine, bad_points, monkeypatch):
    """Trained while the plugin behaved."""
    monkeypatch.delenv("FIRSTLIGHT_BAD_FAULT", raising=False)
    return firstlight_engine(bad_points["bad"], without=("factors", "sequence", "neighbours"))


@pytest.fixture
def break_down(monkeypatch):
    def break_down(role: str, fault: str) -> None:
        monkeypatch.setenv("FIRSTLIGHT_BAD_ROLE", role)
        monkeypatch.setenv("FIRSTLIGHT_BAD_FAULT", fault)

    return break_down


def left_out(answer) -> dict[str, DegradationReason]:
    return {note.component: note.reason for note in answer.degraded if note.component}


def test_while_it_behaves_nothing_is_left_out(engine):
    answer = engine.recommend(Query(profile={"taste": "calm"}, limit=5))
    assert len(answer.items) == 5
    assert not left_out(answer)


@pytest.mark.parametrize("fault", WRONG)
@pytest.mark.parametrize("role", ROLES)
def test_a_fault_leaves_that_component_out_alone(engine, break_down, role, fault):
    engine.recommend(Query(limit=1))  # loads it
    break_down(role, fault)
    answer = engine.recommend(Query(profile={"taste": "calm"}, limit=5), remaining_s=5)
    assert len(answer.items) == 5
    assert left_out(answer) == {f"bad-{role}": DegradationReason.COMPONENT_FAILED}
    assert not any("secret" in note.detail for note in answer.degraded)
    break_down(role, "none")
    assert not left_out(engine.recommend(Query(profile={"taste": "calm"}, limit=5)))


@pytest.mark.parametrize("role", ["generator", "reranker"])
def test_positions_that_are_no_items(engine, break_down, role):
    break_down(role, "unknown")
    answer = engine.recommend(Query(limit=5))
    assert len(answer.items) == 5
    assert left_out(answer) == {f"bad-{role}": DegradationReason.COMPONENT_FAILED}


@pytest.mark.parametrize("fault", ["sleep", "loop"])
@pytest.mark.parametrize("role", ["generator", "reranker", "filter", "before", "scenarios"])
def test_a_stall_is_answered_before_the_deadline(engine, break_down, role, fault):
    engine.recommend(Query(limit=1))
    break_down(role, fault)
    start = time.monotonic()
    answer = engine.recommend(Query(profile={"taste": "calm"}, limit=5), remaining_s=1.0)
    taken = time.monotonic() - start
    break_down(role, "none")
    assert taken < 1.0
    assert len(answer.items) == 5
    name = {"before": "", "scenarios": "bad"}.get(role, f"bad-{role}")  # a list lacks nothing by an observer's fault
    assert left_out(answer) == ({name: DegradationReason.COMPONENT_TIMED_OUT} if name else {})


def test_one_that_fails_again_and_again_is_asked_no_more(engine, break_down):
    break_down("reranker", "raise")
    reasons = [left_out(engine.recommend(Query(limit=3)))["bad-reranker"] for _ in range(6)]
    assert reasons == [*[DegradationReason.COMPONENT_FAILED] * 5, DegradationReason.COMPONENT_QUARANTINED]


LOADING = {
    "bad-import": "cannot be imported",
    "bad-hook": "unknown hook firstlight_before_recomend; did you mean 'firstlight_before_recommend'?",
    "bad-signature": "weather",
    "bad-name": "component 'popularity' is already registered by plugin 'popularity'",
    "bad-register": "cannot register",
}


def test_what_cannot_be_loaded_is_named_and_leaves_nothing_behind(bad_points):
    plugins = load_plugins(extra=bad_points.values())
    found = {info.name: info for info in plugins.infos}
    for name, text in LOADING.items():
        assert found[name].state is PluginState.FAILED
        assert text in found[name].error
        assert not plugins.manager.has_plugin(name)
    assert found["bad"].state is PluginState.LOADED
    assert "bad-leftover" not in plugins.registrations
    assert plugins.registrations["popularity"].plugin == "popularity"


def test_what_cannot_be_made_is_left_out(bad_points, caplog):
    plugins = load_plugins(extra=[bad_points["bad-configure"], bad_points["bad"]])
    assert set(plugins.created("reranker", {})) == {"bad-reranker"}
    assert "bad-made" in caplog.text


@pytest.mark.parametrize("name", LOADING)
def test_strict_rules_make_each_of_them_fatal(bad_points, name):
    with pytest.raises(PluginError, match=name):
        load_plugins(PluginRules(strict=True), extra=[bad_points[name]])


def test_code_that_is_not_allowed_is_never_imported(bad_points, monkeypatch, tmp_path):
    sentinel = tmp_path / "sentinel"
    monkeypatch.setenv("FIRSTLIGHT_BAD_SENTINEL", str(sentinel))
    for module in [m for m in sys.modules if m.partition(".")[0] == "firstlight_bad"]:
        monkeypatch.delitem(sys.modules, module)
    plugins = load_plugins(PluginRules(allow=("something-else",)), extra=bad_points.values())
    assert {info.state for info in plugins.infos if info.name in bad_points} == {PluginState.BLOCKED}
    assert not sentinel.exists()
    load_plugins(PluginRules(allow=("bad",)), extra=bad_points.values())
    assert sentinel.exists()
