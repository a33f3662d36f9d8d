"""Its hook wants an argument that there is not."""

from firstlight import hookimpl


@hookimpl
def firstlight_before_recommend(weather: str) -> None:
    """Never called."""
