"""The gRPC server: one supervisor, N workers on one port, training jobs beside them.

A request passes :mod:`~firstlight.server.interceptor` (errors), :mod:`~firstlight.server.from_proto` (checks and
conversion), :mod:`~firstlight.server.batching` where others ask too, the pipeline or the store, and
:mod:`~firstlight.server.to_proto`.
"""

from firstlight.server.serving import serve

__all__ = ["serve"]
