"""Strategy ``projection``: a new item is placed by its attributes, in the space of what people went on to like."""

from firstlight import Register, hookimpl
from firstlight_plugins.projection.component import Projection, ProjectionSettings

__all__ = ["Projection", "ProjectionSettings"]


@hookimpl
def firstlight_register_cold_start_strategy(register: Register) -> None:
    """Offer ``projection``."""
    register("projection", Projection, config=ProjectionSettings)
