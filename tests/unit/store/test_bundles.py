from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from firstlight.domain import Attribute, Kind, Schema
from firstlight.errors import NotFoundError, PreconditionError, Reason
from firstlight.store import BundleRecord, ChangeKind


def bundle(bundle_id, catalog_id="default"):
    return BundleRecord(
        catalog_id=catalog_id,
        bundle_id=bundle_id,
        path=f"/bundles/{bundle_id}",
        created_at=datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=UTC),
        preset="small",
        seed=7,
        dataset_token=12,
        schema=Schema(items=(Attribute("genres", Kind.MULTI, "|"),), types=("", "click")),
        metrics={"ndcg@10": 0.25},
        gate={"decision": "accepted", "worse": []},
    )


@pytest.fixture
def three(store):
    for bundle_id in "abc":
        store.register_bundle(bundle(bundle_id))
    return store


def test_bundles_come_back_as_registered(three):
    assert three.get_bundle("default", "b") == bundle("b")
    assert [one.bundle_id for one in three.list_bundles("default", limit=2)] == ["a", "b"]
    assert three.list_bundles("default", limit=2, after="b") == [bundle("c")]


def test_nothing_is_active_before_the_first_activation(three):
    assert three.active_bundle("default") is None
    with pytest.raises(PreconditionError) as caught:
        three.rollback_bundle("default")
    assert caught.value.reason is Reason.NO_PREVIOUS_BUNDLE


def test_rolling_back_goes_down_the_stack(three):
    for bundle_id in "abc":
        three.activate_bundle("default", bundle_id)
    assert three.active_bundle("default") == bundle("c")
    assert three.rollback_bundle("default") == bundle("b")
    assert three.rollback_bundle("default") == bundle("a")
    with pytest.raises(PreconditionError):
        three.rollback_bundle("default")
    three.activate_bundle("default", "c")
    assert three.rollback_bundle("default") == bundle("a")
    history = [one.bundle_id for one in three.list_activations("default")]
    assert history == ["a", "c", "a", "b", "c", "b", "a"]


def test_previous_bundles_are_those_that_rollbacks_lead_to(three):
    assert three.previous_bundles("default") == []
    for bundle_id in "abac":
        three.activate_bundle("default", bundle_id)
    assert three.previous_bundles("default") == [bundle("a"), bundle("b")]
    three.rollback_bundle("default")
    assert three.active_bundle("default") == bundle("a")
    assert three.previous_bundles("default") == [bundle("b")]
    assert three.previous_bundles("none") == []


def test_activating_the_active_bundle_changes_nothing(three):
    three.activate_bundle("default", "a")
    token = three.activate_bundle("default", "b", reason="better", forced=True)
    assert three.activate_bundle("default", "b") == token == three.last_token()
    assert three.rollback_bundle("default") == bundle("a")
    newest, forced = three.list_activations("default", limit=2)
    assert (forced.reason, forced.forced, newest.reason) == ("better", True, "rollback of b")


def test_what_the_gate_refused_needs_force(store):
    gate = {"decision": "refused", "reason": "worse for new users"}
    store.register_bundle(replace(bundle("a"), gate=gate))
    with pytest.raises(PreconditionError, match="refused bundle 'a': worse for new users") as caught:
        store.activate_bundle("default", "a")
    assert caught.value.reason is Reason.GATE_REFUSED
    assert store.active_bundle("default") is None
    store.activate_bundle("default", "a", forced=True)
    assert store.active_bundle("default").bundle_id == "a"


def test_an_activation_is_a_change(three):
    three.activate_bundle("default", "a")
    assert [(c.catalog_id, c.kind, c.key) for c in three.changes_since(0)] == [("default", ChangeKind.ACTIVATION, "a")]


def test_bundles_belong_to_one_catalogue(three):
    three.register_bundle(bundle("a", "other"))
    three.activate_bundle("other", "a")
    assert three.active_bundle("default") is None
    for action in (three.get_bundle, three.activate_bundle):
        with pytest.raises(NotFoundError, match="'b'") as caught:
            action("other", "b")
        assert caught.value.reason is Reason.BUNDLE_NOT_FOUND
