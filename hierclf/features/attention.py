"""Where features come from in a scan: channels, their weights, the main region."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from hierclf.features.extractor import FeatureExtractor
from hierclf.features.regions import discriminative_maps, main_regions
from hierclf.foundation.errors import InputError
from hierclf.inference.views import make_views
from hierclf.loading.scans import FrameReader
from hierclf.networks.activation_maps import channel_weights

Floats = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class Attention:
    """What class-dependent features are made of, for one scan.

    Parameters
    ----------
    view : ndarray of float32, shape (size, size), in [0, 1]
        What the network saw.
    said : object
        The class that it predicts, whose channels count.
    heat : ndarray of float32, shape (h, w), at least 0
        Map of Grad-CAM.
    region : ndarray of bool, shape (h, w)
        The main region.
    channels : tuple of int
        Those that say most for or against the class, the first the most.
    maps : ndarray of float32, shape (n_channels_shown, h, w)
        Their weighted maps.
    """

    view: Floats
    said: Any
    heat: Floats
    region: NDArray[np.bool_]
    channels: tuple[int, ...]
    maps: Floats


def attention_of(
    extractor: FeatureExtractor, scans: pd.DataFrame, *, n_channels: int = 5
) -> list[Attention]:
    """Look at scans as an extractor does, in one view.

    Parameters
    ----------
    extractor : FeatureExtractor
        Fitted, of a kind that depends on a class.
    scans : DataFrame, n_scans rows
        Manifest rows.
    n_channels : int, default=5
        How many channels to show.

    Returns
    -------
    attention : list of Attention
        One for each scan.

    Raises
    ------
    InputError
        If the features depend on no class, or a scan cannot be read.
    """
    stage = extractor.network_
    if stage is None:
        raise InputError(
            f"attention: expected features of a class, got {extractor.kind!r}. Take "
            "gradcam or scda."
        )
    options = stage.resolved_options()
    name = make_views(options.views).single
    trunk = stage.look(views=name, output="maps")
    maps = trunk.features(scans)[:, 0].astype(np.float32)
    classes = stage.predict(scans)
    targets = torch.from_numpy(np.searchsorted(stage.classes_, classes))
    weights = channel_weights(stage.network_, torch.from_numpy(maps), targets).numpy()
    weighed = discriminative_maps(maps, weights)
    total = weighed.sum(axis=1)
    regions = main_regions(total)
    reader = FrameReader(trunk.frame_side, preparation=trunk.preparation)
    (seen,) = make_views(name).places(trunk.frame_side, options.image_size)
    rows = slice(seen.top, seen.top + options.image_size)
    columns = slice(seen.left, seen.left + options.image_size)
    found = []
    for place, path in enumerate(scans["path"]):
        view = reader.read(path)[rows, columns]
        said = np.abs(weighed[place].sum(axis=(1, 2)))
        most = np.argsort(-said, kind="stable")[:n_channels]
        found.append(
            Attention(
                view=view,
                said=classes[place],
                heat=np.maximum(total[place], 0),
                region=regions[place],
                channels=tuple(map(int, most)),
                maps=weighed[place, most],
            )
        )
    return found
