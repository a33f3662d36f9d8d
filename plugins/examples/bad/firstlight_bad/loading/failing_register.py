"""It raises after it has registered one component: that one must not stay."""

from firstlight import Register, hookimpl
from firstlight_bad.components import BadReranker, BadSettings


@hookimpl
def firstlight_register_reranker(register: Register) -> None:
    """Register, then fail."""
    register("bad-leftover", BadReranker, config=BadSettings)
    raise RuntimeError("this plugin cannot register")
