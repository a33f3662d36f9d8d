"""Domain objects, records and answers to messages."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from firstlight import pipeline
from firstlight.client.values import duration, pack_all, timestamp
from firstlight.domain import Item, User
from firstlight.plugins import PluginInfo, Registration
from firstlight.store import BundleRecord, JobRecord
from firstlight.v1 import bundle_pb2, item_pb2, plugin_service_pb2, user_pb2
from firstlight.v1.recommendation_pb2 import (
    Degradation,
    Recommendation,
    Route,
    Scenario,
)
from firstlight.v1.training_job_pb2 import TrainingJob, TrainingParameters


def recommendation(answer: pipeline.Recommendation) -> Recommendation:
    """One answer. Items are plain dictionaries: protobuf reads these in half the time that it makes messages in."""
    return Recommendation(
        items=[_recommended(item) for item in answer.items],  # type: ignore[misc]  # its stubs know only messages
        scenario=Scenario.ValueType(answer.scenario),
        strategy=answer.strategy,
        bundle_id=answer.bundle_id,
        route=Route.Value(f"ROUTE_{answer.route.upper() or 'UNSPECIFIED'}"),
        attribution_token=answer.attribution_token,
        degraded=[
            Degradation(component=d.component, reason=Degradation.Reason.ValueType(d.reason), detail=d.detail)
            for d in answer.degraded
        ],
    )


def _recommended(item: pipeline.RecommendedItem) -> dict[str, Any]:
    """A ``RecommendedItem``."""
    return {
        "item_id": item.item_id,
        "score": item.score,
        "source": item.source,
        "reason": _reason(item.reason) if item.reason else None,
        "reason_text": item.reason_text,
    }


@lru_cache(4096)
def _reason(reason: pipeline.ShownReason) -> dict[str, Any]:
    """A ``Reason``; protobuf copies it."""
    found: dict[str, Any] = {"code": int(reason.code)}
    if reason.history_item_id:
        found["history_item_id"] = reason.history_item_id
    elif reason.attribute:
        name, _, value = reason.attribute.partition("=")
        found["attribute"] = {"name": name, "value": value}
    return found


def item(entity: Item) -> item_pb2.Item:
    """One item."""
    return item_pb2.Item(item_id=entity.item_id, attributes=pack_all(entity.attributes))


def user(entity: User) -> user_pb2.User:
    """One user."""
    return user_pb2.User(user_id=entity.user_id, attributes=pack_all(entity.attributes))


def bundle(record: BundleRecord, *, active_id: str) -> bundle_pb2.Bundle:
    """One bundle; ``active_id`` is the one that answers."""
    return bundle_pb2.Bundle(
        bundle_id=record.bundle_id,
        create_time=_time(record.created_at),
        preset=record.preset,
        seed=record.seed,
        metrics=record.metrics,
        active=record.bundle_id == active_id,
        gate=bundle_pb2.Gate(
            decision=bundle_pb2.Gate.Decision.Value(f"DECISION_{record.gate['decision'].upper()}"),
            reason=record.gate["reason"],
        ),
    )


def job(record: JobRecord) -> TrainingJob:
    """One training job."""
    given = record.parameters
    return TrainingJob(
        job_id=record.job_id,
        parameters=TrainingParameters(
            preset=TrainingParameters.Preset.Value(f"PRESET_{given['preset'].upper()}"),
            seed=given["seed"],
            time_budget=_budget(given.get("time_budget_s")),
        ),
        state=TrainingJob.State.Value(f"STATE_{record.state}"),
        stage=record.stage,
        progress=record.progress,
        detail=record.error,
        bundle_id=record.bundle_id,
        create_time=_time(record.created_at),
        update_time=_time(record.updated_at),
    )


def plugin(
    info: PluginInfo, registrations: Mapping[str, Registration], engines: Collection[pipeline.Engine]
) -> plugin_service_pb2.Plugin:
    """One plugin, and how its components fare in ``engines``."""
    return plugin_service_pb2.Plugin(
        name=info.name,
        distribution=info.distribution,
        version=info.version,
        components=[_component(name, registrations[name].role, engines) for name in info.components],
        hooks=info.hooks,
        error=info.error,
        state=plugin_service_pb2.PluginState.Value(f"PLUGIN_STATE_{info.state.name}"),
    )


def _component(name: str, role: str, engines: Collection[pipeline.Engine]) -> plugin_service_pb2.Component:
    """The worst that is known of it."""
    absent = [engine.absent[name] for engine in engines if name in engine.absent]
    found = [engine.isolation.health(name) for engine in engines if name in engine.component_names]
    states = [health.state for health in found] + [pipeline.ComponentState.FAILED] * len(absent)
    return plugin_service_pb2.Component(
        name=name,
        role=role,
        state=plugin_service_pb2.ComponentState.ValueType(max(states, default=pipeline.ComponentState.REGISTERED)),
        fault_count=sum(health.faults for health in found),
        error=next((health.error for health in found if health.error), "") or next(iter(absent), ""),
    )


def _time(time: datetime) -> Timestamp:
    return timestamp(time)


def _budget(seconds: float | None) -> Duration | None:
    return None if seconds is None else duration(seconds)
