"""Ranker ``fusion``: trust the prior where little is known, and the other components as evidence grows."""

from firstlight import Register, hookimpl
from firstlight_plugins.fusion.component import Fusion, FusionSettings

__all__ = ["Fusion", "FusionSettings"]


@hookimpl
def firstlight_register_ranker(register: Register) -> None:
    """Offer ``fusion``."""
    register("fusion", Fusion, config=FusionSettings)
