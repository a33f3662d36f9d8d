"""Attribution tokens: what ties later interactions to a list that was shown."""

from __future__ import annotations

import os
import time


def attribution_token(bundle_id: str) -> str:
    """A new opaque, URL-safe token: the bundle, then a number that grows with time and is used once."""
    milliseconds = time.time_ns() // 1_000_000
    return f"{bundle_id}.{milliseconds:012x}{os.urandom(8).hex()}"
