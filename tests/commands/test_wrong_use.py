"""Wrong use of the commands: one line, the right exit code, nothing lost."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from hierclf import evaluate, phantom, score, sweep, train
from hierclf.__main__ import _dispatch
from hierclf.console import run

VERBS = {
    "train": train.main,
    "sweep": sweep.main,
    "evaluate": evaluate.main,
    "score": score.main,
    "phantom": phantom.main,
}


def say(capsys: pytest.CaptureFixture[str], *argv: object) -> tuple[int, str]:
    code = run(_dispatch, [str(part) for part in argv])
    return code, capsys.readouterr().err


@pytest.mark.parametrize("verb", VERBS)
def test_help_is_for_people(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        VERBS[verb](["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert "--out" in text
    assert "(required)" in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["tran"], "Did you mean 'train'?"),
        (["train", "--epcohs", "3"], "Did you mean '--epochs'?"),
        (["train", "--screen.epcohs", "3", "--data", "d", "--out", "o", "--healthy",
          "h"], "epcohs"),
        (["train"], "data: expected a value, got none. Add --data."),
        (["train", "--data", "d", "--out", "o", "--healthy", "h", "--batch-size", "0"],
         "network.batch_size: expected greater than or equal to 1, got '0'"),
        (["train", "--data", "d", "--out", "o", "--healthy", "h", "--batch-size", "-4"],
         "batch_size: expected greater"),
        (["train", "--data", "d", "--out", "o", "--healthy", "h", "--learning-rate",
          "nan"], "learning_rate: expected"),
        (["train", "--data", "d", "--out", "o", "--healthy", "h", "--batch-size",
          "99999999"], "batch_size: expected less"),
        (["train", "--data", "d", "--out", "o", "--healthy", "h", "--threads", "0"],
         "threads: expected greater"),
        (["train", "--data", "d", "--out", "o", "--healthy", "h", "--cut-point",
          "sensitivty>=0.9"], "cut_point.rule: expected one of"),
        (["train", "--data", "d", "--out", "o", "--healthy", "h", "--costs", "a,b"],
         "costs: expected none, recall"),
        (["train", "--data", "d", "--out", "o", "--healthy", "h", "--defer", "no"],
         "defer: expected error<=E or coverage>=C"),
        (["train", "--data", "d", "--out", "o", "--healthy", "h", "--defer",
          "error<=0.1", "--calibration", "isotonic"], "breaks the promise"),
        (["train", "--data", "d", "--out", "o", "--healthy", "h", "--defer",
          "error<=0.1", "--calibration", "none", "--cut-point", "0.5"],
         "defer: expected scans that are held out"),
        (["train", "--data", "d", "--out", "o", "--healthy", "h", "--gate", "1"],
         "gate: expected less than 0.5"),
        (["train", "--data", "no/such", "--out", "o", "--healthy", "h"], "no/such"),
        (["train", "--data"], "expected one argument"),
        (["train", "--data", "d", "--out", "o", "--healthy", "h", "--head", "dense",
          "--batch-size", "1"], "at least 2 beside the dense head"),
        (["train", "--data", "d", "--out", "o", "--healthy", "h", "--optimizer",
          "lion"], "optimizer: expected 'auto', 'lbfgs'"),
        (["train", "--data", "d", "--out", "o", "--healthy", "h", "--folds", "1"],
         "folds: expected 0 or at least 2"),
        (["train", "--data", "d", "--out", "o", "--healthy", "h", "--penalty", "inf"],
         "penalty: expected"),
        (["phantom", "--out", "o", "--cases", "2"], "cases: expected greater"),
        (["score", "--bundle", "b", "--input", "i", "--out", "o.csv"], "expected"),
    ],
)  # fmt: skip
def test_faults_71_and_72(
    argv: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    code, told = say(capsys, *argv)
    assert code in {2, 4}
    assert message in told
    assert told.count("\n") == 1
    assert "Traceback" not in told


def test_fault_73_existing_output(
    capsys: pytest.CaptureFixture[str], cohort: Path, tmp_path: Path
) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.tex").write_text("years of work")
    needed = ["train", "--data", cohort, "--healthy", "healthy", "--out", out]
    code, told = say(capsys, *needed)
    assert code == 2
    assert "expected a new or empty folder" in told
    code, told = say(capsys, *needed, "--overwrite")
    assert code == 2
    assert "expected the folder of a run" in told
    assert (out / "thesis.tex").read_text() == "years of work"


def test_resume_of_another_plan(
    capsys: pytest.CaptureFixture[str], cohort: Path, tmp_path: Path
) -> None:
    (tmp_path / "plan.json").write_text('{"options": {"seed": 5}}')
    code, told = say(
        capsys, "train", "--data", cohort, "--healthy", "healthy", "--out", tmp_path,
        "--resume",
    )  # fmt: skip
    assert code == 2
    assert "expected a run with the same options" in told


def test_fault_76_unknown_key_in_a_file(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = tmp_path / "c.yml"
    config.write_text("helthy: normal\nnetwork: {epoch: 3}\ndata: x\nout: y\n")
    code, told = say(capsys, "train", "--config", config)
    assert code == 2
    assert (
        "helthy: expected a known option, got 'helthy'. Did you mean 'healthy'" in told
    )
    assert "Did you mean 'epochs'" in told


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [", "\x00"])
def test_file_that_holds_no_options(
    text: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    config = tmp_path / "c.yml"
    config.write_text(text)
    code, told = say(capsys, "train", "--config", config)
    assert code == 2
    assert "--config" in told
    assert told.count("\n") == 1


def test_flag_goes_before_file(tmp_path: Path) -> None:
    from hierclf.config.commands import TrainOptions
    from hierclf.console import parse

    config = tmp_path / "c.yml"
    config.write_text(
        "data: x\nout: y\nhealthy: h\nseed: 3\nnetwork: {epochs: 7, batch_size: 5}\n"
        "screen: {epochs: 9}\n"
    )
    argv = ["--config", str(config), "--epochs", "8", "--refine.augment.crop=0.5"]
    options = parse(TrainOptions, "train", "", argv)
    assert options.seed == 3
    assert options.stage("flat").epochs == 8
    assert options.stage("screen").epochs == 9
    assert options.stage("refine").epochs == 8
    assert options.stage("refine").batch_size == 5
    assert options.stage("refine").augment.crop == 0.5
    assert options.stage("screen").augment.crop == 0.8


def test_help_shows_defaults_as_they_are_typed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from hierclf.config.commands import EvaluateOptions
    from hierclf.console import parse

    with pytest.raises(SystemExit):
        parse(EvaluateOptions, "evaluate", "", ["--help"])
    told = " ".join(capsys.readouterr().out.split())
    assert "none: no subgroups [auto]" in told
    assert "('auto',)" not in told


def test_options_of_one_kind_have_one_name() -> None:
    """As the table in README.md says."""
    from hierclf.config.checking import CheckOptions
    from hierclf.config.commands import EvaluateOptions, SweepOptions, TrainOptions
    from hierclf.config.explaining import ExplainOptions
    from hierclf.config.shift import ShiftOptions
    from hierclf.console import _leaves, flag_of
    from hierclf.exporting.options import ExportOptions
    from hierclf.scoring.options import ScoreOptions

    on_data = {
        "check": CheckOptions, "train": TrainOptions, "evaluate": EvaluateOptions,
        "sweep": SweepOptions, "shift": ShiftOptions,
    }  # fmt: skip
    kinds = on_data | {
        "explain": ExplainOptions, "score": ScoreOptions, "export": ExportOptions
    }  # fmt: skip
    taken: dict[str, set[str]] = {}
    for verb, kind in kinds.items():
        for place, _ in _leaves(kind):
            taken.setdefault(flag_of(place), set()).add(verb)
    assert taken["--views"] == {"train"}
    assert taken["--cache"] == set(on_data)
    assert taken["--threads"] == {*on_data, "explain", "score"}
    assert "--n-threads" not in taken


def test_healthy_label_that_does_not_occur(
    capsys: pytest.CaptureFixture[str], cohort: Path, tmp_path: Path
) -> None:
    code, told = say(
        capsys, "train", "--data", cohort, "--healthy", "normal", "--out",
        tmp_path / "r", "--backbone", "test_resnet", "--weights", "none",
        "--image-size", 32, "--views", "center", "--cache", tmp_path / "c",
    )  # fmt: skip
    assert code == 2
    assert "healthy: expected a label of the data, got 'normal'" in told


def test_unreadable_scans_are_refused_or_left_out(
    capsys: pytest.CaptureFixture[str], cohort: Path, tmp_path: Path
) -> None:
    import shutil

    data = tmp_path / "data"
    shutil.copytree(cohort, data)
    broken = next((data / "scans" / "stage1").iterdir())
    broken.write_bytes(b"")
    argv = ["train", "--data", data, "--healthy", "healthy", "--out", tmp_path / "r",
            "--backbone", "test_resnet", "--weights", "none", "--image-size", 32,
            "--views", "center", "--cache", tmp_path / "c", "--resamples", 100,
            "--no-baselines"]  # fmt: skip
    code, told = say(capsys, *argv)
    assert code == 2
    assert f"{broken.name}: E_EMPTY" in told
    code, told = say(capsys, *argv, "--unreadable", "skip", "--overwrite")
    assert code == 0, told
    assert "E_EMPTY" in (tmp_path / "r" / "results.json").read_text()


def test_two_runs_in_one_folder(
    capsys: pytest.CaptureFixture[str], cohort: Path, tmp_path: Path
) -> None:
    from hierclf.foundation.files import locked

    argv = ["train", "--data", cohort, "--healthy", "healthy", "--out", tmp_path / "r",
            "--backbone", "test_resnet", "--weights", "none"]  # fmt: skip
    (tmp_path / "r").mkdir()
    with locked(tmp_path / "r" / ".lock"):
        code, told = say(capsys, *argv, "--overwrite")
    assert code in {2, 5}
    assert told.count("\n") == 1


def test_fault_78_reader_goes_away(cohort: Path) -> None:
    """``hierclf | head -0`` ends quietly."""
    code = "import os, sys\nfrom hierclf.__main__ import main\nos.close(0)\n"
    code += "sys.argv = ['hierclf', '--help']\n"
    code += "raise SystemExit(main())\n"
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-u", "-c", code], stdout=writer, stderr=subprocess.PIPE,
        check=False,
    )  # fmt: skip
    os.close(writer)
    assert done.returncode == 141
    assert b"Traceback" not in done.stderr


@pytest.mark.slow
def test_fault_79_locale_c(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hierclf", "train", "--data", "übung", "--out",
         str(tmp_path / "o"), "--healthy", "h"],
        env=os.environ
        | {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


@pytest.mark.parametrize("option", ["--weights", "--screen.weights"])
def test_a_run_is_not_emptied_before_its_weights_are_read(
    option: str, capsys: pytest.CaptureFixture[str], cohort: Path, tmp_path: Path
) -> None:
    (tmp_path / "run" / "bundle").mkdir(parents=True)
    (tmp_path / "run" / "plan.json").write_text("{}")
    kept = tmp_path / "run" / "bundle" / "info.json"
    kept.write_text("{}")
    code, told = say(
        capsys, "train", "--data", cohort, "--healthy", "healthy", "--overwrite",
        "--out", tmp_path / "run", option, tmp_path / "run" / "bundle",
    )  # fmt: skip
    assert code == 2
    assert "out: expected a place apart from --weights" in told
    assert kept.exists()
