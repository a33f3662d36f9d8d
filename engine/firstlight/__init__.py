"""Firstlight: recommendations for people and items nobody has seen before.

This is the public face. Names load on first use, so that the light client imports nothing heavy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from firstlight.client import (
        AsyncClient as AsyncClient,
        Client as Client,
    )
    from firstlight.domain import (
        Attribute as Attribute,
        Attributes as Attributes,
        AttributeValue as AttributeValue,
        Candidates as Candidates,
        Dataset as Dataset,
        Evidence as Evidence,
        Histories as Histories,
        HistoryEntry as HistoryEntry,
        Interaction as Interaction,
        Item as Item,
        ItemTable as ItemTable,
        Kind as Kind,
        Metrics as Metrics,
        Queries as Queries,
        Query as Query,
        Ranked as Ranked,
        RankingExamples as RankingExamples,
        RankingInputs as RankingInputs,
        Reason as Reason,
        ReasonCode as ReasonCode,
        Remembered as Remembered,
        Scenario as Scenario,
        Schema as Schema,
        Scores as Scores,
        Totals as Totals,
        TrainingData as TrainingData,
        User as User,
        Votes as Votes,
        products_of as products_of,
        rows_of as rows_of,
    )
    from firstlight.errors import (
        ConflictError as ConflictError,
        CorruptBundleError as CorruptBundleError,
        DeadlineError as DeadlineError,
        FirstlightError as FirstlightError,
        InvalidInputError as InvalidInputError,
        NotFoundError as NotFoundError,
        PluginError as PluginError,
        PreconditionError as PreconditionError,
        UnavailableError as UnavailableError,
        Violation as Violation,
    )
    from firstlight.hookspecs import (
        Register as Register,
        hookimpl as hookimpl,
    )
    from firstlight.roles import (
        CandidateFilter as CandidateFilter,
        CandidateGenerator as CandidateGenerator,
        CliCommand as CliCommand,
        ColdStartStrategy as ColdStartStrategy,
        Component as Component,
        DatasetReader as DatasetReader,
        Describes as Describes,
        FeatureEncoder as FeatureEncoder,
        FitOptions as FitOptions,
        FoldsInItems as FoldsInItems,
        ItemVectors as ItemVectors,
        LearnsFrom as LearnsFrom,
        Metric as Metric,
        Progress as Progress,
        Ranker as Ranker,
        Reranker as Reranker,
        Runner as Runner,
        Runtime as Runtime,
        Source as Source,
        StartsFromSource as StartsFromSource,
        UsesItems as UsesItems,
        VectorIndex as VectorIndex,
    )

_HOMES = {
    "firstlight.domain": (
        "Attribute", "AttributeValue", "Attributes", "Candidates", "Dataset", "Evidence", "Histories", "HistoryEntry",
        "Interaction", "Item", "ItemTable", "Kind", "Metrics", "Queries", "Query", "Ranked", "RankingExamples",
        "RankingInputs", "Reason", "ReasonCode", "Remembered", "Scenario", "Schema", "Scores", "Totals", "TrainingData",
        "User", "Votes", "products_of", "rows_of",
    ),
    "firstlight.errors": (
        "ConflictError", "CorruptBundleError", "DeadlineError", "FirstlightError", "InvalidInputError",
        "NotFoundError", "PluginError", "PreconditionError", "UnavailableError", "Violation",
    ),
    "firstlight.roles": (
        "CandidateFilter", "CandidateGenerator", "CliCommand", "ColdStartStrategy", "Component", "DatasetReader",
        "Describes", "FeatureEncoder", "FitOptions", "FoldsInItems", "ItemVectors", "LearnsFrom", "Metric", "Progress",
        "Ranker", "Reranker", "Runner", "Runtime", "Source", "StartsFromSource", "UsesItems", "VectorIndex",
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
