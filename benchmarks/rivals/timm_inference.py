"""timm: one network and one view, by the data set and the loader of its inference.py.

Environment: ``pip install timm torch torchvision``. The script itself is not in timm's
wheel; these are its calls, with its defaults but for the batch.
"""

from __future__ import annotations

import timm
import torch
from timm.data import create_dataset, create_loader, resolve_data_config

from benchmarks.rivals.common import arguments, timm_name
from benchmarks.timing import Timed, report, timed


def main() -> None:
    """Score two folders, the second by the clock."""
    told = arguments(__doc__)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    name = timm_name(told.network)
    network = timm.create_model(name, num_classes=4).eval().to(device)
    config = resolve_data_config({}, model=network)

    def score(folder: str) -> int:
        data = create_dataset("", root=folder, class_map="")
        loader = create_loader(
            data,
            batch_size=told.batch_size,
            use_prefetcher=device == "cuda",
            num_workers=2,
            device=torch.device(device),
            **config,
        )
        with torch.inference_mode():
            for images, _ in loader:
                network(images.to(device)).softmax(-1).topk(1)
        return len(data)

    score(str(told.warm))
    with timed() as clock:
        n = score(str(told.input))
    report(Timed(n=n, seconds=clock.seconds))


if __name__ == "__main__":
    main()
