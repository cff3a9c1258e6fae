"""What the scripts of rivals share: their arguments."""

from __future__ import annotations

import argparse
from pathlib import Path


def arguments(purpose: str | None) -> argparse.Namespace:
    """Read the name of the network and both folders of pictures."""
    parser = argparse.ArgumentParser(description=purpose)
    parser.add_argument("--network", required=True, help="as ours is called")
    parser.add_argument("--input", type=Path, required=True)
    parser.add_argument("--warm", type=Path, required=True)
    parser.add_argument("--batch-size", type=int, default=4)
    return parser.parse_args()
