"""What is kept between runs, in SQLite or PostgreSQL: the one home of SQL.

Every write is one transaction and appends to the numbered change log (:meth:`Store.changes_since`).
"""

from firstlight.store.records import (
    ActivationRecord,
    BundleRecord,
    Change,
    ChangeKind,
    EvaluationRecord,
    InteractionWrite,
    JobRecord,
    JobState,
    WriteResult,
)
from firstlight.store.requests import REQUEST_WINDOW_HOURS
from firstlight.store.store import Store, open_store

__all__ = [
    "REQUEST_WINDOW_HOURS",
    "ActivationRecord",
    "BundleRecord",
    "Change",
    "ChangeKind",
    "EvaluationRecord",
    "InteractionWrite",
    "JobRecord",
    "JobState",
    "Store",
    "WriteResult",
    "open_store",
]
