"""``hierclf export`` as a user calls it."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tests.commands.conftest import command


def test_export(trained: Path, tmp_path: Path) -> None:
    out = tmp_path / "export"
    arguments = ("export", "--bundle", trained / "bundle", "--out", out)
    done = command(*arguments)
    assert done.returncode == 0, done.stderr
    assert "cascade.onnx: equal to the bundle within" in done.stdout
    assert (out / "README.md").exists()
    again = command(*arguments)
    assert again.returncode == 2
    assert "expected a new folder" in again.stderr
    other = command(*arguments, "--format", "joblib", "--overwrite")
    assert other.returncode == 0, other.stderr
    assert [path.name for path in out.glob("cascade.*")] == ["cascade.joblib"]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--what", "meta"), "expected a bundle with learners"),
        (("--what", "metta"), "expected 'meta', 'network' or 'cascade'"),
        (("--what", "network", "--format", "joblib"), "expected onnx for a network"),
        (("--format", "skops"), "expected a cascade on tables"),
    ],
)
def test_refusals(
    arguments: tuple[str, ...], told: str, trained: Path, tmp_path: Path
) -> None:
    out = tmp_path / "export"
    done = command("export", "--bundle", trained / "bundle", "--out", out, *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert not out.exists()


def test_missing_package_is_named(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    find = importlib.util.find_spec
    hidden = "hierclf.jobs.export.find_spec"
    monkeypatch.setattr(hidden, lambda name: None if name == "skl2onnx" else find(name))
    out = tmp_path / "export"
    done = command("export", "--bundle", trained / "bundle", "--out", out)
    assert done.returncode == 2
    assert "pip install 'hierclf[onnx]'" in done.stderr
