"""Candidate generator ``bandit``: tries what a segment may like, the more often the less is known."""

from firstlight import Register, hookimpl
from firstlight_bandit.component import Bandit, BanditSettings

__all__ = ["Bandit", "BanditSettings"]


@hookimpl
def firstlight_register_candidate_generator(register: Register) -> None:
    """Offer ``bandit``."""
    register("bandit", Bandit, config=BanditSettings)
