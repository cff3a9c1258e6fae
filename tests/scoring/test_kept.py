from __future__ import annotations

import multiprocessing
import os
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hierclf.foundation.errors import InputError, ResourceError
from hierclf.problem.labels import Hierarchy
from hierclf.scoring.folder import score_folder
from hierclf.scoring.journal import open_journal, part_of
from hierclf.scoring.kept import take_up
from hierclf.scoring.rows import RowFormat, to_csv

FORM = RowFormat(Hierarchy("healthy", ("ill",)), "ab" * 32, "eager")
HEADER = to_csv([FORM.columns])


def _row(name: str, code: str = "", **origin: str) -> list[str]:
    middle = [""] * (len(FORM.columns) - 7)
    status = "rejected" if code else "ok"
    shared = (FORM.origin | origin).values()
    return [name, status, code, *middle, *shared, "0" * 64, 'say "x",\r\nor not']


cell = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.lists(
        cell | st.just('"') | st.just("=a\r\n\r\n"), unique=True, max_size=9
    ),
    data=st.data(),
)
def test_any_beginning_of_a_file_can_be_gone_on_with(tmp_path, names, data):
    """However many bytes a kill left: what follows makes the file whole again."""
    out = tmp_path / "rows.csv"
    rows = [_row(name, "E_X" if len(name) > 4 else "") for name in names]
    whole = HEADER + to_csv(rows)
    n_bytes = data.draw(st.integers(0, len(whole)))
    part_of(out).write_bytes(whole[:n_bytes])
    kept = take_up(out, FORM)
    ends = [len(HEADER + to_csv(rows[:n])) for n in range(len(rows) + 1)]
    assert list(kept.done) == names[: max(sum(end <= n_bytes for end in ends) - 1, 0)]
    assert kept.codes.total() == len(kept.done)
    assert kept.codes["E_X"] == sum(len(name) > 4 for name in kept.done)
    with open_journal(out, FORM.columns, kept.end) as journal:
        journal.append(rows[len(kept.done) :])
        journal.finish()
    assert out.read_bytes() == whole
    assert not part_of(out).exists()


def test_file_of_nobody(tmp_path):
    kept = take_up(tmp_path / "rows.csv", FORM)
    assert (kept.end, kept.done, kept.codes.total()) == (0, {}, 0)


def test_zeros_that_a_power_cut_left(tmp_path):
    out = tmp_path / "rows.csv"
    rows = [_row("0"), _row("1")]
    part_of(out).write_bytes(HEADER + to_csv(rows) + b"\0" * 300 + b"\r\n")
    assert list(take_up(out, FORM).done) == ["0", "1"]


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize(
    ("name", "other"), [("bundle", "f" * 16), ("runtime", "openvino")]
)
def test_rows_of_another_bundle_or_runtime(tmp_path, name, other, finished):
    out = tmp_path / "rows.csv"
    rows = [_row("0"), _row("1", **{name: other})]
    path = out if finished else part_of(out)
    path.write_bytes(HEADER + to_csv(rows))
    with pytest.raises(InputError, match=f"rows of {name} {FORM.origin[name]}, got"):
        take_up(out, FORM)


@pytest.mark.parametrize(
    "content", [b"path,label\r\n", b"x", HEADER[:20] + b"\n", b"\xff\xfe", b'"' * 999]
)
def test_some_other_table(tmp_path, content):
    out = tmp_path / "rows.csv"
    part_of(out).write_bytes(content)
    with pytest.raises(InputError, match="expected the columns that this bundle write"):
        take_up(out, FORM)
    assert part_of(out).read_bytes() == content


def test_finished_file_stays_until_the_new_one_is_complete(options, scan, monkeypatch):
    score_folder(options)
    before = options.out.read_bytes()
    scan(options.input / "a" / "new.png", 50)
    scan(options.input / "zz.png", 51)

    again = options.model_copy(update={"resume": True})
    monkeypatch.setattr("hierclf.scoring.worker.rows_of", _interrupted)
    with pytest.raises(KeyboardInterrupt):
        score_folder(again)
    assert options.out.read_bytes() == before
    monkeypatch.undo()
    summary = score_folder(again)
    assert (summary.n_ok, summary.n_earlier) == (16, 14)
    assert options.out.read_bytes().startswith(before)


def test_rows_of_a_finished_file_outlive_their_scans_and_an_interrupt(
    options, scan, monkeypatch
):
    """The copy that is gone on with is no unfinished file whose end may be cut."""
    score_folder(options)
    before = options.out.read_bytes()
    gone = sorted(options.input.glob("s0*.png"))[1:]
    scan(options.input / "zz.png", 51)
    for path in gone:
        path.unlink()
    again = options.model_copy(update={"resume": True, "batch_size": 64})
    with monkeypatch.context() as patched:
        patched.setattr("hierclf.scoring.worker.rows_of", _interrupted)
        with pytest.raises(KeyboardInterrupt):
            score_folder(again)
    assert score_folder(again).n_earlier == 14
    assert options.out.read_bytes().startswith(before)


def _interrupted(*_):
    raise KeyboardInterrupt


def test_a_full_disk_leaves_no_half_copy(options, scan, monkeypatch):
    score_folder(options)
    before = options.out.read_bytes()
    scan(options.input / "zz.png", 51)

    def half(source, place, **_):
        Path(place).write_bytes(Path(source).read_bytes()[:300])
        raise OSError(28, "No space left on device")

    again = options.model_copy(update={"resume": True})
    with monkeypatch.context() as patched:
        patched.setattr("hierclf.scoring.kept.shutil.copyfile", half)
        with pytest.raises(ResourceError, match="No space left"):
            score_folder(again)
    assert {path.name for path in options.out.parent.iterdir()} == {
        options.out.name, f".{options.out.name}.lock"
    }  # fmt: skip
    assert score_folder(again).n_earlier == 14
    assert options.out.read_bytes().startswith(before)


@pytest.mark.parametrize(
    "middle", [b"\r\n", b"s04.png,ok\r\n", "digest", "twice"], ids=str
)
def test_a_finished_file_that_somebody_changed(options, middle):
    """Rows behind the place are not dropped without a word."""
    score_folder(options)
    lines = options.out.read_bytes().splitlines(keepends=True)
    if middle == "digest":
        cells = lines[3].split(b",")
        middle = b",".join([*cells[:-2], b"unknown", cells[-1]])
    middle = lines[2] if middle == "twice" else middle
    changed = b"".join([*lines[:3], middle, *lines[3:]])
    options.out.write_bytes(changed)
    with pytest.raises(InputError, match="expected a row of another scan behind"):
        score_folder(options.model_copy(update={"resume": True}))
    assert options.out.read_bytes() == changed
    assert not part_of(options.out).exists()


def test_a_younger_scan_is_looked_at_again(options, scan):
    """Not only the first ones: its row would belong to another scan."""
    for number in range(30):
        scan(options.input / f"t{number:02}.png", number + 100)
    score_folder(options)
    again = options.model_copy(update={"resume": True})
    touched = options.input / "t27.png"
    late = options.out.stat().st_mtime + 5
    os.utime(touched, (late, late))
    assert score_folder(again).n_earlier == 44
    scan(touched, 999)
    os.utime(touched, (late + 5, late + 5))
    with pytest.raises(InputError, match=r"expected the scan 't27\.png' as it was"):
        score_folder(again)
    assert not part_of(options.out).exists()


def test_the_first_scans_are_looked_at_however_old_they_look(options, scan):
    """As behind a clock that was wrong, or where times are not to be had."""
    score_folder(options)
    scan(options.input / "s01.png", 999)
    late = time.time() + 3600
    os.utime(options.out, (late, late))
    with pytest.raises(InputError, match=r"expected the scan 's01\.png' as it was"):
        score_folder(options.model_copy(update={"resume": True}))


def test_another_scan_that_looks_old_is_looked_at_again(options, scan):
    """Copies may keep the time of their content, as those of an export do."""
    for number in range(30):
        scan(options.input / f"t{number:02}.png", number + 100)
    score_folder(options)
    time.sleep(0.05)
    scan(options.input / "t27.png", 999)
    os.utime(options.input / "t27.png", (1e9, 1e9))
    with pytest.raises(InputError, match=r"expected the scan 't27\.png' as it was"):
        score_folder(options.model_copy(update={"resume": True}))


def test_a_folder_that_was_moved_to_the_place_of_another_is_looked_at(options, scan):
    """It keeps the times of all its scans."""
    for number in range(30):
        scan(options.input / f"t{number:02}" / "x.png", number + 100)
    other = options.input.parent / "other"
    scan(other / "x.png", 999)
    score_folder(options)
    time.sleep(0.05)
    place = options.input / "t27"
    place.rename(options.input.parent / "aside")
    other.rename(place)
    with pytest.raises(InputError, match=r"expected the scan 't27/x\.png' as it was"):
        score_folder(options.model_copy(update={"resume": True}))


def test_an_unfinished_file_is_gone_on_with_beside_a_finished_one(options, scan):
    score_folder(options)
    lines = options.out.read_bytes().splitlines(keepends=True)
    scan(options.input / "zz.png", 51)
    score_folder(options.model_copy(update={"resume": True}))
    whole = options.out.read_bytes()
    options.out.write_bytes(b"".join(lines[:4]))
    part_of(options.out).write_bytes(b"".join(lines) + b"half a ro")
    summary = score_folder(options.model_copy(update={"resume": True}))
    assert summary.n_earlier == 14
    assert options.out.read_bytes() == whole


def test_new_scans_get_rows_behind_those_that_are_there(options, scan):
    score_folder(options)
    before = options.out.read_bytes()
    for name, seed in (("a/new.png", 50), ("zz.png", 51)):
        scan(options.input / name, seed)
    (options.input / "s01.png").unlink()
    (options.input / "empty.png").write_bytes(b"")
    again = options.model_copy(update={"resume": True})
    summary = score_folder(again)
    assert summary.n_failed == {"E_EMPTY": 1}
    assert (summary.n_ok, summary.n_earlier, summary.exit_code) == (16, 14, 3)
    after = options.out.read_bytes()
    assert after.startswith(before)
    added = after[len(before) :].decode().splitlines()
    assert [line.split(",")[0] for line in added] == [
        "a/new.png",
        "empty.png",
        "zz.png",
    ]
    assert score_folder(again).n_earlier == 17
    assert options.out.read_bytes() == after


def test_rows_of_another_folder(options, scan, tmp_path):
    score_folder(options)
    before = options.out.read_bytes()
    scan(tmp_path / "other" / "b.png", 0)
    changes = {"resume": True, "input": tmp_path / "other"}
    with pytest.raises(InputError, match="rows of other scans"):
        score_folder(options.model_copy(update=changes))
    assert options.out.read_bytes() == before
    assert not part_of(options.out).exists()


def test_rows_of_scans_with_the_same_names(options, scan):
    score_folder(options)
    before = options.out.read_bytes()
    for path in options.input.glob("s*.png"):  # as another day's export would be
        scan(path, 70)
    scan(options.input / "zz.png", 71)
    again = options.model_copy(update={"resume": True})
    with pytest.raises(InputError, match=r"expected the scan 's0\d.png' as it was sco"):
        score_folder(again)
    assert options.out.read_bytes() == before


def test_resume_where_nothing_is(options):
    summary = score_folder(options.model_copy(update={"resume": True}))
    assert (summary.n_ok, summary.n_earlier) == (14, 0)


@pytest.fixture
def processes(monkeypatch):
    """Processes that are there at once, with the package imported."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["hierclf.scoring.folder"])
    return context


def _kill_when_there_are(n_bytes: int, process, part: Path) -> None:
    process.start()
    while process.is_alive() and not (part.exists() and part.stat().st_size >= n_bytes):
        time.sleep(0.001)
    process.kill()
    process.join()


@pytest.mark.slow
def test_killed_run_gone_on_with_gives_the_same_file(options, scan, processes):
    """Fault 105: kill -9 at random sizes of the file."""
    for number in range(100):
        scan(options.input / f"many/{number % 7}/{number}.png", number)
    (options.input / "many" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    clean = options.model_copy(update={"out": options.out.with_name("clean.csv")})
    score_folder(clean)
    whole = clean.out.read_bytes()
    again = options.model_copy(update={"resume": True})
    rng = np.random.default_rng(0)
    n_killed = 0
    for n_bytes in np.sort(rng.integers(1, int(len(whole) * 0.9), 5)).tolist():
        process = processes.Process(target=score_folder, args=(again,))
        _kill_when_there_are(n_bytes, process, part_of(options.out))
        n_killed += process.exitcode == -9
        if options.out.exists():
            break
    summary = score_folder(again)
    assert n_killed >= 3
    assert summary.n_earlier > 0
    assert (summary.n_ok, summary.n_failed) == (114, {"E_TRUNCATED": 1})
    assert options.out.read_bytes() == whole


def test_actions_of_kept_rows_are_counted(tmp_path):
    form = replace(FORM, guards=("action",))
    out = tmp_path / "rows.csv"
    rows = []
    for number, action in enumerate(("accept", "out_of_scope", "accept", "")):
        row = dict.fromkeys(form.columns, "")
        row |= {"path": f"{number}.png", "action": action, **form.origin}
        row |= {"status": "ok"}
        rows.append(list(row.values()))
    part_of(out).write_bytes(to_csv([form.columns]) + to_csv(rows))
    kept = take_up(out, form)
    assert kept.actions == {"accept": 2, "out_of_scope": 1, "": 1}
    assert [FORM.action_of(_row("a")), form.action_of(rows[1])] == ["", "out_of_scope"]
