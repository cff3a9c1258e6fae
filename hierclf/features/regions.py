"""Selective convolutional descriptors: channels weighed, and the rest cut away."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Floats = NDArray[np.floating]
_TOUCHING = np.ones((3, 3))


def discriminative_maps(maps: Floats, weights: Floats) -> Floats:
    """Weigh the channels of maps by what they do for a class.

    Parameters
    ----------
    maps : ndarray of float, shape (n, n_channels, h, w)
        Activations of the last convolutional block.
    weights : ndarray of float, shape (n, n_channels)
        As `hierclf.networks.activation_maps.channel_weights` gives them.

    Returns
    -------
    discriminative : ndarray of float, shape (n, n_channels, h, w)
        Their sum over the channels is the map of Grad-CAM before its ReLU.
    """
    return maps * weights[:, :, None, None]


def main_regions(aggregation: Floats) -> NDArray[np.bool_]:
    """Mark the largest connected region above the mean of each map.

    Parameters
    ----------
    aggregation : ndarray of float, shape (n, h, w)
        Sum of maps over the channels.

    Returns
    -------
    regions : ndarray of bool, shape (n, h, w)
        Never empty: a map without differences is taken whole.

    Notes
    -----
    Wei et al., "Selective convolutional descriptor aggregation", IEEE TIP 2017,
    section 3.1: a cell counts where it is above the mean, and of these the largest
    component is kept, cells that touch at a corner being connected.
    """
    above = aggregation > aggregation.mean(axis=(1, 2), keepdims=True)
    return np.stack([_largest(mask) for mask in above])


def _largest(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    if not mask.any():
        return np.ones_like(mask)
    parts, _ = ndimage.label(mask, _TOUCHING)
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0  # the background
    largest: NDArray[np.bool_] = parts == sizes.argmax()
    return largest


def flattened(discriminative: Floats, regions: NDArray[np.bool_]) -> Floats:
    """Keep the maps within the regions, cell by cell (He 2019, algorithm 3.3).

    Parameters
    ----------
    discriminative : ndarray of float, shape (n, n_channels, h, w)
        Weighted maps.
    regions : ndarray of bool, shape (n, h, w)
        What is kept.

    Returns
    -------
    features : ndarray of float, shape (n, n_channels * h * w)
        Zero outside the region.
    """
    return (discriminative * regions[:, None]).reshape(len(discriminative), -1)


def pooled(discriminative: Floats, regions: NDArray[np.bool_]) -> Floats:
    """Take mean and maximum of each channel within the regions.

    Parameters
    ----------
    discriminative : ndarray of float, shape (n, n_channels, h, w)
        Weighted maps.
    regions : ndarray of bool, shape (n, h, w)
        Not empty.

    Returns
    -------
    features : ndarray of float, shape (n, 2 * n_channels)
        Means, then maxima (Wei et al. 2017, section 3.2).
    """
    inside = regions[:, None]
    area = regions.sum(axis=(1, 2))[:, None].astype(discriminative.dtype)
    means = np.where(inside, discriminative, 0).sum(axis=(2, 3)) / area
    tops = np.where(inside, discriminative, -np.inf).max(axis=(2, 3))
    return np.concatenate([means, tops], axis=1)
