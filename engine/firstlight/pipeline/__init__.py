"""One request, end to end: evidence, candidates, filters, ranking, explanation."""

from firstlight.pipeline.engine import Engine
from firstlight.pipeline.isolation import ComponentState, Health, Isolation
from firstlight.pipeline.meter import Meter
from firstlight.pipeline.model import PER_GENERATOR, Model
from firstlight.pipeline.placing import UserState
from firstlight.pipeline.preparing import MAX_GIVEN_HISTORY, MAX_HISTORY, MAX_LIMIT
from firstlight.pipeline.recommender import Recommender, unknown_write
from firstlight.pipeline.results import Degradation, DegradationReason, Recommendation, RecommendedItem, ShownReason
from firstlight.pipeline.stopwatch import Stopwatch, Timing

__all__ = [
    "MAX_GIVEN_HISTORY",
    "MAX_HISTORY",
    "MAX_LIMIT",
    "PER_GENERATOR",
    "ComponentState",
    "Degradation",
    "DegradationReason",
    "Engine",
    "Health",
    "Isolation",
    "Meter",
    "Model",
    "Recommendation",
    "RecommendedItem",
    "Recommender",
    "ShownReason",
    "Stopwatch",
    "Timing",
    "UserState",
    "unknown_write",
]
