"""AUCMEDI: one network, ten random augmentations (flips and rotations) of each picture.

Environment: ``pip install aucmedi`` (0.11, which brings TensorFlow along).
"""

from __future__ import annotations

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from pathlib import Path

from aucmedi import DataGenerator, NeuralNetwork
from aucmedi.ensemble import predict_augmenting

from benchmarks.rivals.common import arguments
from benchmarks.timing import Timed, report, timed

_ARCHITECTURES = {"densenet121": "2D.DenseNet121", "resnet50": "2D.ResNet50"}


def main() -> None:
    """Score two folders, the second by the clock."""
    told = arguments(__doc__)
    name = _ARCHITECTURES[told.network]
    model = NeuralNetwork(n_labels=2, channels=3, architecture=name, verbose=0)

    def score(folder: Path) -> int:
        names = sorted(path.name for path in folder.glob("*.jpg"))
        pictures = DataGenerator(
            names,
            f"{folder}/",
            image_format=None,
            batch_size=10 * told.batch_size,
            resize=model.meta_input,
            standardize_mode=model.meta_standardize,
            workers=2,
        )
        predict_augmenting(model, pictures, n_cycles=10)
        return len(names)

    score(told.warm)
    with timed() as clock:
        n = score(told.input)
    report(Timed(n=n, seconds=clock.seconds))


if __name__ == "__main__":
    main()
