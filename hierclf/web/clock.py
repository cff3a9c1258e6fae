"""The time of day, in one unit."""

from __future__ import annotations

import time
from collections.abc import Callable

Clock = Callable[[], int]
"""Gives milliseconds since 1970, UTC."""


def now_ms() -> int:
    """Tell the time of this machine."""
    return time.time_ns() // 1_000_000
