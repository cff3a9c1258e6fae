"""Fixtures that several folders of tests share."""

from __future__ import annotations

import os

# The tests are run by as many processes as there are cores: one thread for each, and
# for the commands that they start. Read when torch and numpy are loaded.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import settings

# Machines are shared, and a gate says the same twice. `--hypothesis-profile search`
# draws other examples each time.
settings.register_profile("house", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile("house")

ROOT = Path(__file__).resolve().parents[1]


def pytest_configure(config: pytest.Config) -> None:
    """Give each of several workers one thread, and whole files.

    Threads of two workers wait for each other, and what a file makes once for all its
    tests would be made by each worker.
    """
    if config.getoption("numprocesses", default=None):
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        if config.option.dist == "load":
            config.option.dist = "loadfile"


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of real scans; tests that need it are skipped where it is absent."""
    folder = Path(os.environ.get("HIERCLF_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real scans at {folder}; set HIERCLF_DATA to run this test")
    return folder


@pytest.fixture
def blank_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Figures are made and not rendered, which is most of what a page costs.

    For tests that look at no picture; `tests.reporting` renders every kind.
    """
    blank = (b"<svg><style></style></svg>", b"\x89PNG\r\n\x1a\n")
    monkeypatch.setattr("hierclf.pictures.drawing._rendered", lambda _: blank)


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
