"""What a process needs to answer: onnxruntime sessions, the vector index, mapped arrays."""

from firstlight.runtime.index import EXACT_LIMIT, MEASURED, FaissIndex, index_file, open_index
from firstlight.runtime.providers import choose_providers
from firstlight.runtime.serving import BundleRuntime
from firstlight.runtime.sessions import SessionRunner, open_session

__all__ = [
    "EXACT_LIMIT",
    "MEASURED",
    "BundleRuntime",
    "FaissIndex",
    "SessionRunner",
    "choose_providers",
    "index_file",
    "open_index",
    "open_session",
]
