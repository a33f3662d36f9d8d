"""Firstlight: recommendations for people and items nobody has seen before.

This is the public face. Names load on first use, so that the light client imports nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "firstlight.domain": (
        "Attribute", "AttributeValue", "Attributes", "Candidates", "Dataset", "Evidence", "Histories", "HistoryEntry",
        "Interaction", "Item", "ItemTable", "Kind", "Metrics", "Queries", "Query", "Ranked", "RankingExamples",
        "RankingInputs", "Reason", "ReasonCode", "Scenario", "Schema", "Scores", "TrainingData", "User", "rows_of",
    ),
    "firstlight.errors": (
        "ConflictError", "CorruptBundleError", "DeadlineError", "FirstlightError", "InvalidInputError",
        "NotFoundError", "PluginError", "PreconditionError", "UnavailableError", "Violation",
    ),
    "firstlight.roles": (
        "CandidateFilter", "CandidateGenerator", "ColdStartStrategy", "Component", "FitOptions", "Progress", "Ranker",
        "Reranker", "Runner", "Runtime", "VectorIndex",
    ),
    "firstlight.hookspecs": ("Register", "hookimpl"),
    "firstlight.client": ("AsyncClient", "Client"),
}  # fmt: skip
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = ["__version__", *sorted(_HOME_OF)]  # noqa: PLE0604  # built from one table, tested


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'firstlight' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    return __all__
