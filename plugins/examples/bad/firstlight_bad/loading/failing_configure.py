"""It loads, but its component cannot be made of any settings."""

from pydantic import BaseModel, ConfigDict

from firstlight import Register, hookimpl


class Settings(BaseModel):
    """No settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def make(settings: Settings) -> object:
    """Fail."""
    raise RuntimeError(f"this component cannot be made of {settings}")


@hookimpl
def firstlight_register_reranker(register: Register) -> None:
    """Offer what cannot be made."""
    register("bad-made", make, config=Settings)
