"""A small phantom cohort and a run on it, made once by the commands themselves."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

NETWORK = (
    "--backbone", "test_resnet", "--weights", "none", "--image-size", "32",
    "--views", "center", "--precision", "float32",
)  # fmt: skip


def command(*arguments: object, cwd: Path | None = None) -> subprocess.CompletedProcess:
    """Run ``hierclf`` in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "hierclf", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


@pytest.fixture(scope="session")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ninety balanced phantoms of 64 pixels."""
    folder = tmp_path_factory.mktemp("commands") / "cohort"
    made = command(
        "phantom", "--out", folder, "--cases", 90, "--size", 64, "--balanced"
    )
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="session")
def trained(cohort: Path) -> Path:
    """A run of ``train`` on them."""
    out = cohort.parent / "run"
    made = command(
        "train", "--data", cohort, "--healthy", "healthy", "--ordered",
        "--stages", "stage1,stage2,stage3", "--costs", "recall", "--resamples", 200,
        "--cache", cohort.parent / "cache", "--out", out, *NETWORK,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert "macro recall (phantom)" in made.stdout
    return out
