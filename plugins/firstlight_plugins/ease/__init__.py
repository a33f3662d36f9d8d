"""Strategy ``ease``: a closed-form regression of every item on all the others."""

from firstlight import Register, hookimpl
from firstlight_plugins.ease.component import Ease, EaseSettings

__all__ = ["Ease", "EaseSettings"]


@hookimpl
def firstlight_register_candidate_generator(register: Register) -> None:
    """Offer ``ease``."""
    register("ease", Ease, config=EaseSettings)
