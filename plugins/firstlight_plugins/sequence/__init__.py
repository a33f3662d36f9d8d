"""Strategy ``sequence``: a set encoder over what a user did, on top of the popularity prior."""

from firstlight import Register, hookimpl
from firstlight_plugins.sequence.component import Sequence
from firstlight_plugins.sequence.config import SequenceConfig

__all__ = ["Sequence", "SequenceConfig"]


@hookimpl
def firstlight_register_cold_start_strategy(register: Register) -> None:
    """Offer ``sequence``."""
    register("sequence", Sequence, config=SequenceConfig)
