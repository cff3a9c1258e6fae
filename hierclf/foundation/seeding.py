"""One root seed, and a generator of its own for each purpose.

Generators are derived by name and not drawn one after another, so that a new
consumer of chance does not move the numbers of the others.
"""

from __future__ import annotations

import zlib

import numpy as np


def derive_seed(seed: int, *names: str | int) -> int:
    """Derive the seed of a named purpose from the root seed.

    Parameters
    ----------
    seed : int, at least 0
        Root seed of the run.
    *names : str or int
        What it is for, for example ``"split", 3``.

    Returns
    -------
    derived : int, in [0, 2**32)
        The same for the same arguments on every machine.

    Examples
    --------
    >>> derive_seed(0, "split") == derive_seed(0, "split")
    True
    >>> derive_seed(0, "split") == derive_seed(0, "crop")
    False
    """
    words = [zlib.crc32(str(name).encode()) for name in names]
    return int(np.random.SeedSequence([seed, *words]).generate_state(1)[0])


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """Make the NumPy generator of a named purpose.

    Parameters
    ----------
    seed : int, at least 0
        Root seed of the run.
    *names : str or int
        What it is for.

    Returns
    -------
    rng : numpy.random.Generator
        Independent of the generators of other purposes.
    """
    return np.random.default_rng(derive_seed(seed, *names))
