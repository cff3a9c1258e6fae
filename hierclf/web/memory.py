"""Memory of the process that answers browsers, which must not creep up.

glibc gives threads heaps of their own, up to eight for each core. A request that needs
much for a moment, such as the table of all studies, leaves its heap that large; as
requests go from thread to thread, one heap after the other grows, and none shrinks.
Two heaps do: Python's own lock lets one thread compute at a time.
"""

from __future__ import annotations

import ctypes
import os

HEAPS = 2
_M_ARENA_MAX = -8
_CHOSEN = "MALLOC_ARENA_MAX"


def limit_heaps() -> bool:
    """Let threads that are started from now on share few heaps.

    Returns
    -------
    done : bool
        False where the environment's ``MALLOC_ARENA_MAX`` has chosen another number,
        or memory is not glibc's.
    """
    if _CHOSEN in os.environ:
        return False
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    return set_option is not None and bool(set_option(_M_ARENA_MAX, HEAPS))
