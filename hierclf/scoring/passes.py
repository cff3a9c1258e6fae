"""How many scans a network sees together, and how many rows are written together.

The last digits of a score depend on how many scans are computed together: kernels
choose their blocks by it. So every pass has the same number of scans, the last one
filled up with copies. And it is a power of two: a scan's place in a pass then changes
nothing either (products of matrices treat rows at the edge of a block of four or
eight otherwise; found with logistic and linear learners and the gate, and on one
processor with heads of networks, which are asked scan by scan since; the tests compare
every kind). A scan thus has the same score, to the last bit, in a whole folder, in a
shard, beside a broken file, and after an interruption.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import torch

from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.features.readers import networks_of
from hierclf.inference.frozen import BATCH_CROPS
from hierclf.inference.precision import default_device
from hierclf.inference.runtimes import current_runtime
from hierclf.inference.views import make_views
from hierclf.scoring.reading import Reading
from hierclf.training.options import NetworkOptions

_CROPS = 8
_CROPS_OF_A_THREAD = 4
_SIDE = 224
_BARREN = 8


def pass_size(cascade: HierarchicalClassifier, batch_size: int) -> int:
    """Choose how many scans are computed together.

    On a processor it is what amounts to eight crops of 224 pixels, four for each
    thread: no more than fits its caches (EfficientNet-Lite0, one or two threads, of
    1 to 48 crops: eight are fastest, 32 take 1.3 to 1.7 times as long for each), and
    little is lost where a pass must be filled up. OpenVINO, which cuts a pass into
    parts for its threads, takes twice as many: what a pass costs by itself is then
    halved, and counts (EfficientNet-Lite0 in one pass: 105 and 114 scans/s). A GPU
    takes as many as it can.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        Of networks.
    batch_size : int
        Scans that are to be written together.

    Returns
    -------
    size : int
        A power of two, at most `batch_size`.
    """
    networks = (*networks_of(cascade.screen_), *networks_of(cascade.refine_))
    known = [one.resolved_options() for one in networks]
    # a pass is never cut in two
    most = min(BATCH_CROPS // make_views(one.views).n_views for one in known)
    if default_device().type == "cpu":
        crops = max(_CROPS, _CROPS_OF_A_THREAD * torch.get_num_threads())
        crops *= 2 if current_runtime() == "openvino" else 1
        most = min(most, crops * _SIDE**2 // max(map(_seen, known)))
    return 1 << int(math.log2(max(1, min(most, batch_size))))


def _seen(options: NetworkOptions) -> int:
    """Count the pixels that a network computes on for one scan."""
    views, crop = make_views(options.views), options.image_size
    side = views.frame_side(crop)
    return views.cut(torch.zeros(1, 1, side, side), crop).numel()


def batches(readings: Iterable[Reading], batch_size: int) -> Iterator[list[Reading]]:
    """Divide what was read into batches that are written together.

    Parameters
    ----------
    readings : iterable of Reading
        In their order.
    batch_size : int
        Scans in a batch. Broken files among them make no pass smaller; where most are
        broken, a batch ends with eight times as many files, so that rows are written
        now and then.

    Yields
    ------
    batch : list of Reading
        Only the last may be incomplete.
    """
    batch: list[Reading] = []
    n_good = 0
    for reading in readings:
        batch.append(reading)
        n_good += reading.pixels is not None
        if n_good == batch_size or len(batch) == _BARREN * batch_size:
            yield batch
            batch, n_good = [], 0
    if batch:
        yield batch
