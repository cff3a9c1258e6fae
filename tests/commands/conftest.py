"""A small phantom cohort and a run on it, made once by the commands themselves."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import pytest

from hierclf.__main__ import _dispatch
from hierclf.console import run

NETWORK = (
    "--backbone", "test_resnet", "--weights", "none", "--image-size", "32",
    "--views", "center", "--precision", "float32",
)  # fmt: skip


@dataclass(frozen=True)
class Done:
    """What a command left."""

    returncode: int
    stdout: str
    stderr: str


def command(*arguments: object) -> Done:
    """Run ``hierclf`` in this process, since importing torch takes seconds.

    `test_old_spelling_of_a_command` and the fault tests use processes of their own.
    """
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(_dispatch, [str(part) for part in arguments])
    return Done(code, out.getvalue(), err.getvalue())


@pytest.fixture(autouse=True)
def _pictures_of_fixtures_only(blank_pictures: None) -> None:
    """What fixtures of a session or module made has its pictures; they come first."""


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
    assert re.search(
        r"^  cascade  .*0\.\d{3} \[0\.\d{3}, \d\.\d{3}\]", made.stdout, re.M
    )
    return out
