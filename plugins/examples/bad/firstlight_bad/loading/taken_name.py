"""It wants a name that a built-in component has."""

from firstlight import Register, hookimpl
from firstlight_bad.components import BadGenerator, BadSettings


@hookimpl
def firstlight_register_candidate_generator(register: Register) -> None:
    """Want ``popularity``."""
    register("popularity", BadGenerator, config=BadSettings)
