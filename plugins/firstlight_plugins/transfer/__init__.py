"""Strategy ``transfer``: taste by content alone, learnt here or on another catalogue with other items and users."""

from firstlight import Register, hookimpl
from firstlight_plugins.transfer.component import Transfer, TransferSettings

__all__ = ["Transfer", "TransferSettings"]


@hookimpl
def firstlight_register_cold_start_strategy(register: Register) -> None:
    """Offer ``transfer``."""
    register("transfer", Transfer, config=TransferSettings)
