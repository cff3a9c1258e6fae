from __future__ import annotations

import csv
import hashlib
import os
import resource
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from hierclf.bundle.description import describe
from hierclf.bundle.info import DataSummary
from hierclf.bundle.store import load_bundle, save_bundle
from hierclf.cascade import hierarchical
from hierclf.cascade.deferral import Deferral
from hierclf.cascade.guards import Guards
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.cascade.stages import ask_refine
from hierclf.data.pixels import read_scan
from hierclf.foundation.errors import BundleError, InputError, ResourceError
from hierclf.foundation.files import locked
from hierclf.scoring import batch, folder, worker
from hierclf.scoring.folder import score_folder
from hierclf.scoring.rows import LAST

PROBABILITIES = ["p_healthy", "p_=severe", "p_mild"]
NUMBERS = ["screen_score", *PROBABILITIES, "view_spread"]
COLUMNS = ["path", "status", "code", "screen_score", "decision", "label"]
COLUMNS += [*PROBABILITIES, "view_spread", *LAST]
SCORES = COLUMNS[3:10]


def _rows(path: Path, columns: Sequence[str] = COLUMNS) -> list[dict[str, str]]:
    text = path.read_bytes().decode("utf-8", "surrogateescape")
    header, *records = list(csv.reader(text.splitlines(keepends=True), strict=True))
    assert header == list(columns)
    assert all(len(record) == len(header) for record in records)
    return [dict(zip(header, record, strict=True)) for record in records]


def _unescaped(row: dict[str, str]) -> str:
    return row["path"].removeprefix("'")


def _part(options) -> Path:
    return options.out.with_name("rows.csv.part")


def test_threads_are_those_that_compute(options, monkeypatch):
    told = []
    monkeypatch.setattr("torch.set_num_threads", told.append)
    score_folder(options.model_copy(update={"threads": 3}))
    assert told == [3]


def test_a_bundle_that_is_loaded_is_not_loaded_again(options, monkeypatch):
    score_folder(options)
    bundle = load_bundle(options.bundle)
    monkeypatch.setattr(worker, "load_for_machine", None)
    again = options.model_copy(update={"out": options.out.with_name("again.csv")})
    score_folder(again, bundle)
    assert again.out.read_bytes() == options.out.read_bytes()


def test_stages_of_healthy_scans_can_be_left_out(options, monkeypatch):
    """And a pass without a diseased scan is not refined."""
    monkeypatch.setattr(worker, "pass_size", lambda *_: 1)
    bundle = load_bundle(options.bundle)
    score_folder(options, bundle)
    expected = _rows(options.out)
    n_diseased = sum(row["decision"] == "diseased" for row in expected)
    for row in expected:
        row["refined"] = "yes" if row["decision"] == "diseased" else "no"
        if row["decision"] == "healthy":
            row.update(dict.fromkeys(PROBABILITIES[1:], ""))
    asked = []

    def ask(*told):
        asked.append(told[-1])
        return ask_refine(*told)

    monkeypatch.setattr(hierarchical, "ask_refine", ask)
    less = {"out": options.out.with_name("less.csv"), "refine": "diseased"}
    score_folder(options.model_copy(update=less), bundle)
    assert asked == [1] * n_diseased
    assert 0 < n_diseased < len(expected)
    columns = [*COLUMNS[:9], "refined", *COLUMNS[9:]]
    assert _rows(less["out"], columns) == expected
    whole = options.model_copy(update={"out": less["out"], "resume": True})
    with pytest.raises(InputError, match="expected the columns"):
        score_folder(whole, bundle)


def test_a_reader_needs_the_stages_of_all(options):
    bundle = load_bundle(options.bundle)
    deferral = Deferral(rule="error<=0.05", threshold=0.5, passed=1.0, error=0.0)
    guarded = replace(bundle, guards=Guards(deferral=deferral))
    wanted = options.model_copy(update={"refine": "diseased"})
    with pytest.raises(InputError, match="refine: expected all beside a bundle that"):
        score_folder(wanted, guarded)
    assert not options.out.parent.exists()


def test_every_scan_has_the_scores_of_its_own_pixels(options):
    """The reference decodes and scores each file by itself."""
    summary = score_folder(options)
    bundle = load_bundle(options.bundle)
    rows = _rows(options.out)
    assert (summary.n_ok, summary.n_failed, summary.exit_code) == (14, {}, 0)
    assert summary.digest == bundle.digest
    assert {row["decision"] for row in rows} == {"healthy", "diseased"}
    for row in rows:
        path = options.input / _unescaped(row)
        told = bundle.cascade.decide([read_scan(path).pixels])
        numbers = [told.screen_score[0], *told.probabilities[0], told.view_spread[0]]
        written = [float(row[name]) for name in NUMBERS]
        np.testing.assert_allclose(written, numbers, rtol=2e-5)
        label = bundle.cascade.hierarchy_.labels[told.decided[0]]
        assert row["label"].removeprefix("'") == label
        assert row["decision"] == ("diseased" if told.decided[0] else "healthy")
        assert (row["runtime"], row["bundle"]) == ("eager", bundle.digest[:16])
        assert row["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
        assert (row["status"], row["code"], row["message"]) == ("ok", "", "")


def test_rows_come_in_the_order_of_the_names(options):
    score_folder(options)
    names = [_unescaped(row) for row in _rows(options.out)]
    assert names == sorted(names)
    found = options.input.rglob("*.png")
    assert set(names) == {path.relative_to(options.input).as_posix() for path in found}


def test_numbers_have_nine_digits_and_read_back_the_same(options):
    score_folder(options)
    for row in _rows(options.out):
        for name in NUMBERS:
            assert format(float(row[name]), ".9g") == row[name]


def test_stages_that_look_at_two_sizes(options, bundle_of_two_sizes):
    options = options.model_copy(update={"bundle": bundle_of_two_sizes})
    score_folder(options)
    cascade = load_bundle(bundle_of_two_sizes).cascade
    for row in _rows(options.out):
        scan = read_scan(options.input / _unescaped(row))
        told = cascade.decide([scan.pixels])
        assert float(row["p_mild"]) == pytest.approx(told.probabilities[0, 2], rel=2e-5)


def test_equal_files_are_told_and_scored_alike(options, scan):
    """Fault 42; also where the row of the first is of an earlier run.

    The place of a scan in its batch may move the last digits of single precision.
    """
    scan(options.input / "a.png", 99)
    for name in ("b.png", "zz.png"):
        shutil.copy(options.input / "a.png", options.input / name)
    score_folder(options)
    rows = {row["path"]: row for row in _rows(options.out)}
    assert {name for name, row in rows.items() if row["message"]} == {"b.png", "zz.png"}
    assert rows["zz.png"]["message"] == "an earlier row is of an equal file"
    assert len({rows[name]["sha256"] for name in ("a.png", "b.png", "zz.png")}) == 1
    for column in SCORES:
        told = [rows[name][column] for name in ("a.png", "b.png", "zz.png")]
        if column in {"decision", "label"}:
            assert len(set(told)) == 1
        else:
            assert list(map(float, told)) == pytest.approx(
                [float(told[0])] * 3, abs=1e-6
            )
    whole = options.out.read_bytes()
    end = whole.rindex(b"zz.png")
    options.out.unlink()
    _part(options).write_bytes(whole[:end])
    score_folder(options.model_copy(update={"resume": True}))
    assert options.out.read_bytes() == whole


BROKEN = {
    "empty.png": (b"", "rejected", "E_EMPTY"),
    "gif.png": (b"GIF89a" + b"\0" * 40, "rejected", "E_DECODE"),
    "half.png": (None, "rejected", "E_TRUNCATED"),
    "page.jpg": (b"<html></html>", "rejected", "E_FORMAT"),
    "zip.dcm": (b"PK\x03\x04" + b"\0" * 40, "rejected", "E_FORMAT"),
}


def test_broken_files_have_rows_and_take_no_other_along(options, scan):
    score_folder(options)
    clean = {row["path"]: row for row in _rows(options.out)}
    for name, (content, _, _) in BROKEN.items():
        if content is None:
            scan(options.input / name, 1)
            os.truncate(options.input / name, 500)
        else:
            (options.input / name).write_bytes(content)
    summary = score_folder(options.model_copy(update={"overwrite": True}))
    rows = {row["path"]: row for row in _rows(options.out)}
    assert len(rows) == len(clean) + len(BROKEN)
    assert summary.n_ok == len(clean)
    assert sum(summary.n_failed.values()) == len(BROKEN)
    assert summary.exit_code == 3
    for name, (_, status, code) in BROKEN.items():
        row = rows.pop(name)
        assert (row["status"], row["code"]) == (status, code)
        assert [row[column] for column in SCORES] == [""] * len(SCORES)
        assert row["message"].startswith("expected ")
        assert str(options.input) not in row["message"]
        content = (options.input / name).read_bytes()
        digest = hashlib.sha256(content).hexdigest() if content else ""
        assert row["sha256"] == digest
    for name, row in rows.items():  # scored in other batches: to the last digits
        assert row["label"] == clean[name]["label"]
        ours, theirs = float(row["screen_score"]), float(clean[name]["screen_score"])
        assert ours == pytest.approx(theirs, rel=2e-5)


def test_file_that_goes_away(options, monkeypatch):
    """Fault 45."""
    real = folder.list_scans

    def vanishing(path):
        for scan in real(path):
            if scan.name == "s03.png":
                scan.unlink()
            yield scan

    monkeypatch.setattr(folder, "list_scans", vanishing)
    assert score_folder(options).n_failed == {"E_GONE": 1}
    [row] = [row for row in _rows(options.out) if row["path"] == "s03.png"]
    assert (row["status"], row["code"], row["sha256"]) == ("error", "E_GONE", "")
    assert row["screen_score"] == row["label"] == ""


def test_file_that_is_replaced(options, monkeypatch, scan):
    """Fault 45: the digest is that of the bytes that were scored."""
    real = folder.list_scans

    def changing(path):
        for found in real(path):
            if found.name == "s03.png":
                scan(found, 99)
            yield found

    before = hashlib.sha256((options.input / "s03.png").read_bytes()).hexdigest()
    monkeypatch.setattr(folder, "list_scans", changing)
    score_folder(options)
    path = options.input / "s03.png"
    [row] = [row for row in _rows(options.out) if row["path"] == "s03.png"]
    assert row["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest() != before
    told = load_bundle(options.bundle).cascade.decide([read_scan(path).pixels])
    assert float(row["screen_score"]) == pytest.approx(told.screen_score[0], rel=2e-5)


NAMES = {
    "-x.png": "'-x.png",
    "+x.png": "'+x.png",
    "\tx.png": "'\tx.png",
    "'x.png": "''x.png",
    "\nx.png": "'\nx.png",
    "\rx.png": "'\rx.png",
    " x.png": " x.png",
    "a;b,c.png": "a;b,c.png",
    'say "x".png': 'say "x".png',
    "ü" * 120 + ".png": "ü" * 120 + ".png",
}


def test_a_manifest_is_said_not_to_be_read(options, caplog):
    score_folder(options)
    assert not caplog.messages
    options.input.joinpath("manifest.csv").write_text("path,lung_mask\n")
    score_folder(options.model_copy(update={"overwrite": True}))
    assert "every picture below" in caplog.text


def test_odd_names(options, scan):
    """Fault 46."""
    shutil.rmtree(options.input)
    for name in NAMES:
        scan(options.input / name, 0)
    raw = os.fsencode(options.input) + b"/\xff\xfe.png"
    shutil.copy(options.input / "-x.png", raw)
    assert score_folder(options).n_ok == len(NAMES) + 1
    paths = {row["path"] for row in _rows(options.out)}
    assert paths == set(NAMES.values()) | {os.fsdecode(b"\xff\xfe.png")}
    again = score_folder(options.model_copy(update={"resume": True}))
    assert again.n_earlier == len(NAMES) + 1


def test_empty_folder_gives_a_header(options):
    """Fault 48."""
    shutil.rmtree(options.input)
    options.input.mkdir()
    (options.input / "notes.txt").write_text("x")
    with pytest.raises(InputError, match="expected at least one scan") as caught:
        score_folder(options)
    assert caught.value.exit_code == 2
    assert _rows(options.out) == []
    assert not _part(options).exists()


def test_no_folder_gives_nothing(options):
    """Fault 48."""
    gone = options.model_copy(update={"input": options.input / "none"})
    with pytest.raises(InputError, match="expected a folder of scans, got none"):
        score_folder(gone)
    assert not options.out.parent.exists()


def test_existing_output_stays(options):
    """Fault 73."""
    score_folder(options)
    before = options.out.read_bytes()
    with pytest.raises(InputError, match=r"expected a new file, got .*rows\.csv\. Add"):
        score_folder(options)
    assert options.out.read_bytes() == before


def test_unfinished_output_stays(options):
    """Fault 73."""
    options.out.parent.mkdir()
    _part(options).write_text("x")
    with pytest.raises(InputError, match=r"got .*rows\.csv\.part\. Add --resume"):
        score_folder(options)
    assert _part(options).read_text() == "x"


def test_overwrite_begins_again(options):
    """Fault 73."""
    score_folder(options)
    first = options.out.read_bytes()
    (options.input / "s00.png").unlink()
    _part(options).write_text("x")
    summary = score_folder(options.model_copy(update={"overwrite": True}))
    assert (summary.n_ok, summary.n_earlier) == (13, 0)
    assert options.out.read_bytes() != first
    assert not _part(options).exists()


def test_resume_and_overwrite_contradict_each_other(options):
    with pytest.raises(InputError, match="resume: expected it without overwrite"):
        score_folder(options.model_copy(update={"resume": True, "overwrite": True}))


@pytest.mark.parametrize("name", ["s00.png", "rows", "rows.csv.dcm"])
def test_output_that_could_be_a_scan(options, name):
    """Fault 74."""
    before = (options.input / "s00.png").read_bytes()
    changes = {"out": options.input / name, "overwrite": True}
    with pytest.raises(InputError, match=r"out: expected a name that ends in \.csv"):
        score_folder(options.model_copy(update=changes))
    assert (options.input / "s00.png").read_bytes() == before


def test_output_among_the_scans(options):
    """Fault 74: a table is no scan, so it harms nothing."""
    inside = options.model_copy(update={"out": options.input / "rows.csv"})
    assert score_folder(inside).n_ok == 14
    assert score_folder(inside.model_copy(update={"resume": True})).n_earlier == 14


def test_output_where_a_folder_is(options):
    """Fault 75."""
    (options.out / "x").mkdir(parents=True)
    with pytest.raises(ResourceError, match="the system answered"):
        score_folder(options.model_copy(update={"overwrite": True}))


def test_second_scorer_stops(options):
    """Fault 108."""
    options.out.parent.mkdir()
    lock = locked(options.out.with_name(".rows.csv.lock"))
    with lock, pytest.raises(ResourceError, match="a lock held by") as caught:
        score_folder(options)
    assert caught.value.exit_code == 5
    assert not _part(options).exists()
    assert score_folder(options).n_ok == 14


def _fail_at_full_disk(options) -> None:
    with pytest.raises(
        ResourceError, match=r"write .*rows\.csv\.part: the system"
    ) as e:
        score_folder(options)
    assert e.value.exit_code == 5
    assert not options.out.exists()
    assert _part(options).stat().st_size > 0


def _expect_the_same_after_resuming(options) -> None:
    summary = score_folder(options.model_copy(update={"resume": True}))
    assert summary.n_earlier > 0
    clean = options.model_copy(update={"out": options.out.with_name("clean.csv")})
    score_folder(clean)
    assert options.out.read_bytes() == clean.out.read_bytes()


def test_disk_that_takes_no_more(options):
    """Fault 101, by a limit on the size of files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, hard))
    try:
        _fail_at_full_disk(options)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert _part(options).stat().st_size == 1500
    _expect_the_same_after_resuming(options)


def test_disk_that_is_full(options, scan, tmp_path):
    """Fault 101, by a small disk in memory."""
    for number in range(40):
        scan(options.input / f"{number}.png", number)
    options.out.parent.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=20k", "tmpfs", str(options.out.parent)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no right to mount a file system")
    try:
        filler = options.out.with_name("filler")
        filler.write_bytes(b"x" * (16 << 10))  # which leaves a page of 4 kB
        with pytest.raises(ResourceError, match="No space left on device"):
            score_folder(options)
        filler.unlink()
        summary = score_folder(options.model_copy(update={"resume": True}))
        assert (summary.n_ok, summary.n_earlier > 0) == (54, True)
        clean = options.model_copy(update={"out": tmp_path / "clean.csv"})
        score_folder(clean)
        assert options.out.read_bytes() == clean.out.read_bytes()
    finally:
        subprocess.run(["umount", str(options.out.parent)], check=True)  # noqa: S607


def test_interrupt_keeps_what_was_scored(options, monkeypatch):
    """Fault 116."""
    real, n_batches = batch.rows_of, 0

    def interrupted(*arguments):
        nonlocal n_batches
        n_batches += 1
        if n_batches == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(worker, "rows_of", interrupted)
    with pytest.raises(KeyboardInterrupt):
        score_folder(options)
    assert len(_rows(_part(options))) == 8
    monkeypatch.undo()
    _expect_the_same_after_resuming(options)


def test_too_many_open_files_is_no_fault_of_a_scan(options, monkeypatch):
    """Fault 114."""

    def full(*_):
        raise ResourceError("read a scan: the system answered 'Too many open files'.")

    monkeypatch.setattr("hierclf.scoring.reading.read_bytes", full)
    with pytest.raises(ResourceError, match="Too many open files"):
        score_folder(options)
    assert not options.out.exists()


def test_learners_on_tables_cannot_score_scans(options, tmp_path):
    X, y = np.random.default_rng(0).normal(size=(12, 3)), np.array(list("abc" * 4))
    cascade = HierarchicalClassifier(LogisticRegression()).fit(X, y)
    counts = dict.fromkeys("abc", 4)
    data = DataSummary(
        name="t", fingerprint="0", n_scans=12, phantom=True, counts=counts
    )
    info = describe(cascade, data=data, seed=0, options={})
    save_bundle(tmp_path / "table", cascade, info)
    with pytest.raises(InputError, match="expected stages that look at scans"):
        score_folder(options.model_copy(update={"bundle": tmp_path / "table"}))
    assert not options.out.parent.exists()


def test_bundle_is_refused_before_anything_is_written(options, tmp_path):
    broken = shutil.copytree(options.bundle, tmp_path / "broken")
    (broken / "screen.json").write_text("{}")
    with pytest.raises(BundleError, match=r"screen\.json"):
        score_folder(options.model_copy(update={"bundle": broken}))
    assert not options.out.parent.exists()
