"""What can go wrong, and whether it does now."""

import os
import time
from typing import Literal

Fault = Literal["none", "raise", "exit", "shape", "nan", "inf", "unknown", "sleep", "loop"]
SLEEP_S = 30.0


class BadError(Exception):
    """Its text must reach no caller."""


def break_down(role: str, fault: Fault) -> str:
    """Break as told: by the environment, else as ``fault``. The name of a fault that is for the caller to commit."""
    only = os.environ.get("FIRSTLIGHT_BAD_ROLE", role)
    told = os.environ.get("FIRSTLIGHT_BAD_FAULT") or fault
    told = told if only == role else "none"
    if told == "raise":
        raise BadError("an internal secret")
    if told == "exit":
        raise SystemExit(3)
    if told == "sleep":
        time.sleep(SLEEP_S)
    while told == "loop":
        if fault != "loop" and os.environ.get("FIRSTLIGHT_BAD_FAULT") != "loop":
            break  # without end, as long as it is told to
    return told
