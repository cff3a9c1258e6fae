"""One trunk in a process for all that use the same weights and views."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from weakref import WeakValueDictionary

from hierclf.inference.frozen import FrozenTrunk, ViewOptions, digest_of
from hierclf.loading.scans import Preparation
from hierclf.networks.network import Featurizer

_TRUNKS: WeakValueDictionary[tuple[str, str], FrozenTrunk] = WeakValueDictionary()
_RECENT: deque[FrozenTrunk] = deque(maxlen=4)


def shared_trunk(
    featurizer: Featurizer,
    options: ViewOptions,
    cache: Path | None = None,
    preparation: Preparation | None = None,
) -> FrozenTrunk:
    """Give the one trunk of this process with these weights, views and preparation.

    Two stages on the same frozen trunk then compute its features once.

    Parameters
    ----------
    featurizer : Featurizer
        Used only where no equal one is alive.
    options : ViewOptions
        Geometry and precision.
    cache : Path, optional
        Folder for features.
    preparation : Preparation, optional
        What is done to each frame before.

    Returns
    -------
    trunk : FrozenTrunk
        Shared as long as somebody holds it; the last four are held here, so that
        fits one after another on one trunk compute its features once.
    """
    key = (digest_of(featurizer, options, preparation), str(cache))
    trunk = _TRUNKS.get(key)
    if trunk is None:
        trunk = FrozenTrunk(featurizer, options, cache, preparation)
        _TRUNKS[key] = trunk
    if trunk in _RECENT:
        _RECENT.remove(trunk)
    _RECENT.append(trunk)
    return trunk
