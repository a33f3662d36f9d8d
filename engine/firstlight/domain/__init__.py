"""The nouns of the engine: frozen, array-backed, free of I/O."""

from firstlight.domain.dataset import Dataset, TrainingData, id_order
from firstlight.domain.entities import Interaction, Item, User
from firstlight.domain.histories import Histories
from firstlight.domain.items import ItemTable, products_of, rows_of
from firstlight.domain.query import (
    FEW_SHOT_LIMIT,
    Candidates,
    Evidence,
    HistoryEntry,
    Metrics,
    Queries,
    Query,
    Ranked,
    RankingExamples,
    RankingInputs,
    Reason,
    ReasonCode,
    Route,
    Scenario,
    Scores,
)
from firstlight.domain.remembering import Remembered
from firstlight.domain.schema import Attribute, Attributes, AttributeValue, Kind, Schema
from firstlight.domain.votes import Totals, Votes

__all__ = [
    "FEW_SHOT_LIMIT",
    "Attribute",
    "AttributeValue",
    "Attributes",
    "Candidates",
    "Dataset",
    "Evidence",
    "Histories",
    "HistoryEntry",
    "Interaction",
    "Item",
    "ItemTable",
    "Kind",
    "Metrics",
    "Queries",
    "Query",
    "Ranked",
    "RankingExamples",
    "RankingInputs",
    "Reason",
    "ReasonCode",
    "Remembered",
    "Route",
    "Scenario",
    "Schema",
    "Scores",
    "Totals",
    "TrainingData",
    "User",
    "Votes",
    "id_order",
    "products_of",
    "rows_of",
]
