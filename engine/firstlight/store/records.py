"""What the store returns besides items, users and interactions. All times are in UTC."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from firstlight.domain import Interaction, Schema


class ChangeKind(StrEnum):
    """What changed; the key of such a change is an item id, user id, user id, bundle id, item id, user id."""

    ITEM = "item"
    USER = "user"
    INTERACTION = "interaction"
    ACTIVATION = "activation"
    ITEM_DELETED = "item_deleted"
    USER_DELETED = "user_deleted"


class JobState(StrEnum):
    """The life of a training job; the last three are final."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"

    @property
    def final(self) -> bool:
        """Whether the job is over."""
        return self not in (JobState.PENDING, JobState.RUNNING)


@dataclass(frozen=True, slots=True)
class Change:
    """One committed change. Tokens grow in the order of commits; an ``interaction`` names the user who interacted."""

    token: int
    catalog_id: str
    kind: ChangeKind
    key: str


@dataclass(frozen=True, slots=True)
class InteractionWrite:
    """A batch that is written whole or not at all."""

    catalog_id: str
    batch: Sequence[Interaction]
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class WriteResult:
    """``written`` interactions are new or changed, ``unchanged`` were there already (or came twice in the batch).

    Whoever reads changes up to ``write_token`` sees the write.
    """

    write_token: int
    written: int
    unchanged: int


@dataclass(frozen=True, slots=True)
class BundleRecord:
    """A bundle as the store knows it.

    ``path``: its folder, relative to the home's ``bundles``, so that a home may be moved. ``dataset_token``: the last
    change its training data hold. ``gate``: its ``decision`` and the ``reason``; "refused" is activated by force only.
    """

    catalog_id: str
    bundle_id: str
    path: str
    created_at: datetime
    preset: str
    seed: int
    dataset_token: int
    schema: Schema
    metrics: Mapping[str, float] = field(default_factory=dict)
    gate: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ActivationRecord:
    """One time a bundle began to answer. ``forced``: by a person, past the gate."""

    catalog_id: str
    bundle_id: str
    activated_at: datetime
    reason: str
    forced: bool


@dataclass(frozen=True, slots=True)
class JobRecord:
    """A training job. ``progress``: share of ``stage`` done, 0 to 1; ``pid``: its process, None before it runs."""

    job_id: str
    catalog_id: str
    state: JobState
    stage: str
    progress: float
    error: str
    bundle_id: str
    pid: int | None
    parameters: Mapping[str, Any]
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class EvaluationRecord:
    """One evaluation; ``bundle_id`` is None where it judged the product and no bundle."""

    catalog_id: str
    bundle_id: str | None
    protocol: str
    result: Mapping[str, Any]
    created_at: datetime
