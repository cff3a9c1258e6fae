"""ttach: one network behind its ten-crop wrapper, as its README has it.

Environment: ``pip install ttach timm torch torchvision`` (ttach 0.0.3 is the last).
"""

from __future__ import annotations

import timm
import torch
import ttach
from torch.utils.data import DataLoader
from torchvision import transforms

from benchmarks.reference import DEVICE, Folder
from benchmarks.rivals.common import arguments
from benchmarks.timing import Timed, report, timed

_RENAMED = {"efficientnet_lite0": "tf_efficientnet_lite0"}


def main() -> None:
    """Score two folders, the second by the clock."""
    told = arguments(__doc__)
    name = _RENAMED.get(told.network, told.network)
    network = timm.create_model(name, num_classes=2).eval().to(DEVICE)
    crops = ttach.aliases.ten_crop_transform(224, 224)
    model = ttach.ClassificationTTAWrapper(network, crops, merge_mode="mean")
    normalize = transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    chain = [transforms.Resize((256, 256)), transforms.ToTensor(), normalize]

    def score(data: Folder) -> None:
        loader = DataLoader(data, batch_size=told.batch_size, num_workers=2)
        with torch.no_grad():
            for images, _ in loader:
                torch.softmax(model(images.to(DEVICE)), dim=1).cpu()

    score(Folder(told.warm, transforms.Compose(chain)))
    data = Folder(told.input, transforms.Compose(chain))
    with timed() as clock:
        score(data)
    report(Timed(n=len(data), seconds=clock.seconds))


if __name__ == "__main__":
    main()
