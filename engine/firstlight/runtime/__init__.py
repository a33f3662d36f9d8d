"""What a process needs to answer: onnxruntime sessions, the vector index, mapped arrays."""

from firstlight.runtime.index import open_index
from firstlight.runtime.providers import choose_providers
from firstlight.runtime.serving import BundleRuntime
from firstlight.runtime.sessions import SessionRunner, open_session

__all__ = ["BundleRuntime", "SessionRunner", "choose_providers", "open_index", "open_session"]
