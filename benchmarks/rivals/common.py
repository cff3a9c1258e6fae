"""What the scripts of rivals share: their arguments, and names of networks."""

from __future__ import annotations

import argparse
from pathlib import Path

_RENAMED = {"efficientnet_lite0": "tf_efficientnet_lite0"}


def timm_name(network: str) -> str:
    """Give timm's name of a network that ours calls otherwise."""
    return _RENAMED.get(network, network)


def arguments(purpose: str | None) -> argparse.Namespace:
    """Read the name of the network and both folders of pictures."""
    parser = argparse.ArgumentParser(description=purpose)
    parser.add_argument("--network", required=True, help="as ours is called")
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--warm", type=Path, required=True)
    parser.add_argument("--batch-size", type=int, default=4)
    return parser.parse_args()
