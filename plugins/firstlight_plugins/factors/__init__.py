"""Strategy ``factors``: matrix factorisation R ≈ U Qᵀ; a new user folds in by one small linear system."""

from firstlight import Register, hookimpl
from firstlight_plugins.factors.component import Factors, FactorsSettings

__all__ = ["Factors", "FactorsSettings"]


@hookimpl
def firstlight_register_candidate_generator(register: Register) -> None:
    """Offer ``factors``."""
    register("factors", Factors, config=FactorsSettings)
