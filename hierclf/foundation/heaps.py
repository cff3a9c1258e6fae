"""How glibc keeps memory: what computes keeps it, what serves must not grow.

Anything but glibc (musl, macOS, Windows), and what the environment has chosen by the
variables that the functions name, is left as it is.
"""

from __future__ import annotations

import ctypes
import os

HEAPS = 2

# Of mallopt(3), malloc.h.
_M_TRIM_THRESHOLD, _M_MMAP_MAX, _M_ARENA_MAX = -1, -4, -8


def limit_heaps() -> bool:
    """Let threads that are started from now on share few heaps.

    glibc gives threads heaps of their own, up to eight for each core. A request to a
    server that needs much for a moment, such as the table of all studies, leaves its
    heap that large; as requests go from thread to thread, one heap after the other
    grows, and none shrinks. Two heaps do: Python's own lock lets one thread compute at
    a time.

    Returns
    -------
    done : bool
        False where the environment's ``MALLOC_ARENA_MAX`` has chosen another number,
        or memory is not glibc's.
    """
    return _set("MALLOC_ARENA_MAX", {_M_ARENA_MAX: HEAPS})


def keep_memory() -> bool:
    """Keep what was freed for the next batch instead of handing it back.

    Each layer of a network takes some hundred megabytes and frees them again. glibc
    asks the system for such blocks one by one and hands them back at once, and the
    system fills each page with zeros before it is used: half of the time of ten crops
    of EfficientNet-Lite0 by torch on two cores. Blocks come from the heap instead,
    which does not shrink: the process stays as large as it once was.

    Returns
    -------
    done : bool
        False where the environment has a ``MALLOC_MMAP_MAX_`` of its own, or memory is
        not glibc's.
    """
    return _set("MALLOC_MMAP_MAX_", {_M_MMAP_MAX: 0, _M_TRIM_THRESHOLD: -1})


def _set(chosen: str, values: dict[int, int]) -> bool:
    if chosen in os.environ:
        return False
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is None:
        return False
    done = [bool(set_option(name, value)) for name, value in values.items()]
    return all(done)
