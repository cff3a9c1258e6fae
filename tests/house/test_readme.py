"""What the README shows works as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hierclf.__main__ import VERBS
from hierclf.config.checking import CheckOptions
from hierclf.config.commands import EvaluateOptions, SweepOptions, TrainOptions
from hierclf.config.explaining import ExplainOptions
from hierclf.config.segmenting import SegmentOptions
from hierclf.config.serving import ServeOptions
from hierclf.config.shift import ShiftOptions
from hierclf.console import _leaves, flag_of
from hierclf.exporting.options import ExportOptions
from hierclf.scoring.options import MergeOptions, ScoreOptions
from hierclf.synthesis.cohort import PhantomOptions

ROOT = Path(__file__).resolve().parents[2]
TEXT = "".join((ROOT / n).read_text() for n in ("README.md", "MEASURED.md"))
KINDS = {
    "check": CheckOptions,
    "segment": SegmentOptions,
    "train": TrainOptions,
    "sweep": SweepOptions,
    "evaluate": EvaluateOptions,
    "explain": ExplainOptions,
    "shift": ShiftOptions,
    "score": ScoreOptions,
    "merge": MergeOptions,
    "export": ExportOptions,
    "phantom": PhantomOptions,
    "serve": ServeOptions,
}


def _commands(text: str) -> list[str]:
    joined = text.replace("\\\n", " ")
    return re.findall(rf"hierclf (?:{'|'.join(VERBS)})\b[^\n`#]*", joined)


def test_python_blocks_run(capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})  # noqa: S102
    told = capsys.readouterr().out
    assert told.startswith("0.")  # the cut point
    assert "'stage1'" in told


@pytest.mark.parametrize("name", ["README.md", "Makefile"])
def test_flags_of_commands_exist(name: str) -> None:
    found = _commands((ROOT / name).read_text())
    assert len(found) >= 5
    for line in found:
        verb = line.split()[1]
        known = {flag_of(place) for place, _ in _leaves(KINDS[verb])}
        used = set(re.findall(r"--[a-z][a-z-]*", line)) - {"--help", "--config"}
        assert used <= known, f"{line}: {used - known}"


def test_flags_in_the_text_exist() -> None:
    known = {flag_of(p) for kind in KINDS.values() for p, _ in _leaves(kind)}
    used = set(re.findall(r"`(--[a-z][a-z-]*)", TEXT))
    assert used <= known | {"--help", "--config"}


def test_files_that_are_named_exist() -> None:
    for name in re.findall(r"experiments/[\w/]+\.(?:py|yml)", TEXT):
        assert (ROOT / name).exists(), name
    for target in re.findall(r"`make ([a-z-]+)`", TEXT):
        assert f"\n{target}:" in (ROOT / "Makefile").read_text()
    for name in re.findall(r"`python -m ((?:benchmarks|experiments)[.\w]*)", TEXT):
        place = ROOT / name.replace(".", "/")
        assert place.with_suffix(".py").exists() or (place / "__main__.py").exists()


def test_links_lead_somewhere() -> None:
    links = re.findall(r"\]\((?:([A-Z]+\.md))?(?:#([a-z-]+))?\)", TEXT)
    assert links
    for name, place in links:
        titles = re.findall(r"^#+ (.+)$", (ROOT / name).read_text(), flags=re.M)
        assert place in {"", *(title.lower().replace(" ", "-") for title in titles)}
