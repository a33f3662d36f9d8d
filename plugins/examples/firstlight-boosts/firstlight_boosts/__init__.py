"""Reranker ``boosts``: lifts, buries and caps items by attribute, as the settings say."""

from firstlight import Register, hookimpl
from firstlight_boosts.component import Boosts, BoostsSettings, Rule

__all__ = ["Boosts", "BoostsSettings", "Rule"]


@hookimpl
def firstlight_register_reranker(register: Register) -> None:
    """Offer ``boosts``."""
    register("boosts", Boosts, config=BoostsSettings)
