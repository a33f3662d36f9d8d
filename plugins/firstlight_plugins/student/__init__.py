"""Strategy ``student``: a small model that has learnt what an ensemble of the other components knows."""

from firstlight import Register, hookimpl
from firstlight_plugins.student.component import Student
from firstlight_plugins.student.settings import StudentSettings

__all__ = ["Student", "StudentSettings"]


@hookimpl
def firstlight_register_cold_start_strategy(register: Register) -> None:
    """Offer ``student``."""
    register("student", Student, config=StudentSettings)
