"""A set of MedMNIST as a folder of pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from hierclf.foundation.files import write_text

LABELS = ("normal", "pneumonia")


def as_folder(source: Path, target: Path) -> Path:
    """Write the training and validation scans of an npz file as PNG.

    Parameters
    ----------
    source : Path
        With ``train_images``, ``train_labels``, ``val_images`` and ``val_labels``.
    target : Path
        Folder; what is there is written again.

    Returns
    -------
    target : Path
        With ``manifest.csv``. The file tells no patients: each scan counts as one.
    """
    rows = []
    with np.load(source) as arrays:
        for split in ("train", "val"):
            (target / split).mkdir(parents=True, exist_ok=True)
            labels = arrays[f"{split}_labels"].ravel()
            for number, image in enumerate(arrays[f"{split}_images"]):
                path = f"{split}/{number:05d}.png"
                Image.fromarray(image).save(target / path)
                rows.append((path, LABELS[int(labels[number])]))
    table = pd.DataFrame(rows, columns=["path", "label"])
    write_text(target / "manifest.csv", table.to_csv(index=False))
    return target
