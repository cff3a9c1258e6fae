"""How often an address may try to sign in."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from time import monotonic


class Throttle:
    """Counts the tries of each address in a sliding window, in memory.

    Parameters
    ----------
    most : int, default=20
        Tries in a window.
    window_s : float, default=60
        Its length.
    n_addresses : int, default=10_000
        Addresses that are remembered; those that asked longest ago go first.
    clock : callable, default=time.monotonic
        Seconds; it never goes back.
    """

    def __init__(
        self,
        most: int = 20,
        window_s: float = 60.0,
        n_addresses: int = 10_000,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._most = most
        self._window_s = window_s
        self._n_addresses = n_addresses
        self._clock = clock
        self._tries: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def wait_s(self, address: str) -> float:
        """Count a try, or say how long to wait.

        Parameters
        ----------
        address : str
            Who tries.

        Returns
        -------
        wait_s : float
            0 where the try is allowed, and counted; else the seconds until one is.
        """
        with self._lock:
            now = self._clock()
            tries = self._tries.setdefault(address, deque())
            self._tries.move_to_end(address)
            while len(self._tries) > self._n_addresses:
                self._tries.popitem(last=False)
            while tries and tries[0] <= now - self._window_s:
                tries.popleft()
            if len(tries) >= self._most:
                return tries[0] + self._window_s - now
            tries.append(now)
            return 0.0
