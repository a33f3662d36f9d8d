"""Its hook is misspelt."""

from firstlight import hookimpl


@hookimpl
def firstlight_before_recomend() -> None:
    """Never called."""
