"""The small network of Li 2023, made to be trained from nothing."""

from __future__ import annotations

from torch import nn

SIDE = 5
"""Side of the last map, for scans of 150 pixels."""
WIDTHS = (32, 64, 64, 128, 256)
_DROPOUTS = (0.0, 0.1, 0.0, 0.2, 0.2)


def small_cnn() -> nn.Sequential:
    """Build the convolutional part.

    Returns
    -------
    trunk : torch.nn.Sequential
        Gray images ``(n, 1, 150, 150)`` to maps ``(n, 256, 5, 5)``: five times a
        convolution of 3 x 3, ReLU, maybe dropout, BatchNorm, and the maximum of
        2 x 2, where an odd row or column at the edge is kept. With a hidden layer
        of 128 units on 6400 and one logit it has 1,246,401 parameters, of which
        Keras counts the 1,088 running means and variances as not trained.

    Notes
    -----
    The source gives no dropout rates: 0.1 in the second block and 0.2 behind it are
    ours.
    """
    layers: list[nn.Module] = []
    n_inputs = 1
    for width, dropout in zip(WIDTHS, _DROPOUTS, strict=True):
        layers += [nn.Conv2d(n_inputs, width, 3, padding=1), nn.ReLU(inplace=True)]
        if dropout:
            layers.append(nn.Dropout(dropout))
        layers += [nn.BatchNorm2d(width), nn.MaxPool2d(2, ceil_mode=True)]
        n_inputs = width
    return nn.Sequential(*layers)


def small_cnn_layers() -> nn.Sequential:
    """Build what stands between the flattened map and the last layer."""
    return nn.Sequential(
        nn.Linear(WIDTHS[-1] * SIDE**2, 128), nn.ReLU(inplace=True), nn.Dropout(0.2)
    )
