"""Strategy ``popularity``: what most people, and most people like you, go on to choose; the floor of every list."""

from firstlight import Register, hookimpl
from firstlight_plugins.popularity.component import Popularity, PopularitySettings

__all__ = ["Popularity", "PopularitySettings"]


@hookimpl
def firstlight_register_cold_start_strategy(register: Register) -> None:
    """Offer ``popularity``."""
    register("popularity", Popularity, config=PopularitySettings)
