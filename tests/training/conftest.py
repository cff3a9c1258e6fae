"""Small scans that a small network can tell apart."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

LABELS = ("dark", "left", "right")


def draw(label: str, rng: np.random.Generator) -> np.ndarray:
    image = rng.uniform(0.0, 0.3, size=(48, 48)).astype(np.float32)
    if label != "dark":
        image[12:36, 4 : 20 if label == "left" else 44] += 0.0
        columns = slice(4, 20) if label == "left" else slice(28, 44)
        image[12:36, columns] += 0.6
    return np.clip(image, 0, 1)


@pytest.fixture(scope="session")
def scans(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Sixty scans of thirty patients in three classes, on disk."""
    folder: Path = tmp_path_factory.mktemp("scans")
    rng = np.random.default_rng(0)
    rows = []
    for number in range(60):
        label = LABELS[(number // 2) % 3]
        path = folder / f"{number:03d}.png"
        cv2.imwrite(str(path), (draw(label, rng) * 255).astype(np.uint8))
        rows.append(
            {
                "path": str(path),
                "scan": path.name,
                "label": label,
                "patient_id": f"p{number // 2}",
            }
        )
    return pd.DataFrame(rows)
