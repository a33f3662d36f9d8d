"""Strategy ``neighbours``: items that the same people go on to like."""

from firstlight import Register, hookimpl
from firstlight_plugins.neighbours.component import Neighbours, NeighboursSettings

__all__ = ["Neighbours", "NeighboursSettings"]


@hookimpl
def firstlight_register_candidate_generator(register: Register) -> None:
    """Offer ``neighbours``."""
    register("neighbours", Neighbours, config=NeighboursSettings)
