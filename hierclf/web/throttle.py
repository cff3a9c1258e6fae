"""How often an address may try to sign in."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from ipaddress import IPv6Network, ip_address
from time import monotonic

_OF_ONE_HOST = 64


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
            Who tries; see `counted_as`.

        Returns
        -------
        wait_s : float
            0 where the try is allowed, and counted; else the seconds until one is.
        """
        with self._lock:
            now, key = self._clock(), counted_as(address)
            tries = self._tries.setdefault(key, deque())
            self._tries.move_to_end(key)
            while len(self._tries) > self._n_addresses:
                self._tries.popitem(last=False)
            while tries and tries[0] <= now - self._window_s:
                tries.popleft()
            if len(tries) >= self._most:
                return tries[0] + self._window_s - now
            tries.append(now)
            return 0.0


def counted_as(address: str) -> str:
    """Say what an address is counted as.

    Whoever has one address of IPv6 has the whole network of 64 bits around it.

    Examples
    --------
    >>> counted_as("2001:db8::a:1:2:3:4"), counted_as("::ffff:192.0.2.7")
    ('2001:db8:0:a::/64', '192.0.2.7')
    """
    try:
        found = ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    mapped = found.ipv4_mapped
    if mapped is not None:
        return str(mapped)
    return str(IPv6Network((found.packed, _OF_ONE_HOST), strict=False))
