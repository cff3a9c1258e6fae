"""The channels of the last map that say most for or against a class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from hierclf.explanation.evidence import Evidence
from hierclf.explanation.heatmap import Floats, place_views
from hierclf.explanation.stage_map import Channel


def strongest_channels(
    evidence: Sequence[Evidence], n_channels: int
) -> list[tuple[Channel, ...]]:
    """Find the channels that say most.

    Parameters
    ----------
    evidence : sequence of Evidence
        At least one, of the same scans.
    n_channels : int
        How many are kept.

    Returns
    -------
    channels : list of tuple of Channel
        For each scan, that which says most first, for or against.
    """
    n_scans = len(evidence[0].maps)
    if not n_channels:
        return [()] * n_scans
    said = [_said(one) for one in evidence]
    reader_of = np.repeat(np.arange(len(said)), [table.shape[1] for table in said])
    number_of = np.concatenate([np.arange(table.shape[1]) for table in said])
    table = np.concatenate(said, axis=1)
    found = []
    for scan, row in enumerate(table):
        order = np.argsort(-np.abs(row), kind="stable")[:n_channels]
        found.append(
            tuple(
                _channel(
                    evidence, scan, int(reader_of[at]), int(number_of[at]), row[at]
                )
                for at in order
            )
        )
    return found


def _weights(one: Evidence) -> Floats:
    means: Floats = one.gradients.mean(axis=(3, 4)) * one.share[:, None, None]
    return means


def _said(one: Evidence) -> Floats:
    sums: Floats = (_weights(one) * one.maps.sum(axis=(3, 4))).mean(axis=1)
    return sums


def _channel(
    evidence: Sequence[Evidence], scan: int, reader: int, number: int, said: float
) -> Channel:
    one = evidence[reader]
    weights = one.gradients[scan, :, number].mean(axis=(1, 2)) * one.share[scan]
    cells = one.maps[scan, :, number] * weights[:, None, None]
    size = one.trunk.options.image_size
    placed, _ = place_views(cells[None], one.trunk.views, size)
    return Channel(reader, number, float(said), placed[0])
