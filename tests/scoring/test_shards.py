from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hierclf.foundation.errors import InputError, ResourceError
from hierclf.scoring.folder import score_folder
from hierclf.scoring.journal import lock_of, part_of
from hierclf.scoring.merging import merge_shards
from hierclf.scoring.options import MergeOptions
from hierclf.scoring.rows import COPY
from hierclf.scoring.shards import Shard, parse_shard

name = st.text(st.characters(codec="utf-8"), min_size=1, max_size=9)


@given(name, st.integers(1, 20))
def test_every_scan_belongs_to_exactly_one_shard(path, n_shards):
    shards = [Shard(number, n_shards) for number in range(1, n_shards + 1)]
    assert sum(shard.holds(path) for shard in shards) == 1


def test_shards_are_the_same_on_every_machine_and_of_like_size():
    """The first numbers of a hash that everybody has; a change would lose scans."""
    names = [f"{number}.png" for number in range(4000)]
    held = [[n for n in names if Shard(k, 8).holds(n)] for k in range(1, 9)]
    assert [len(mine) for mine in held] == [467, 507, 483, 473, 542, 523, 484, 521]
    assert [name for name in names[:4] if Shard(3, 8).holds(name)] == names[:2] + names[
        3:4
    ]
    assert Shard(1, 1).holds("\udcff.png")


@pytest.mark.parametrize("text", ["0/8", "9/8", "3", "3/", "-1/8", "3/0", "1/513", "a"])
def test_what_is_no_shard(text):
    with pytest.raises(InputError, match=r"shard: expected K/N with 1 <= K <= N"):
        parse_shard(text)


def _shard_of(options, number: int, n_shards: int, **changes):
    return options.model_copy(update={"shard": Shard(number, n_shards)} | changes)


@pytest.fixture
def mixed(options, scan):
    """Scans, copies of some in other folders, and files that are none."""
    for number in range(30):
        scan(options.input / f"many/{number % 3}/{number}.png", number + 20)
    for number in (3, 4, 5, 6):
        there = options.input / f"many/{number % 3}/{number}.png"
        shutil.copy(there, options.input / f"copy{number}.png")
    (options.input / "s03.png").write_bytes(b"")
    (options.input / "many" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return options


@pytest.fixture
def merging(options) -> MergeOptions:
    return MergeOptions(out=options.out)


@pytest.mark.parametrize("n_shards", [1, 3])
def test_shards_put_together_are_the_run_of_the_whole(mixed, merging, n_shards):
    whole = mixed.model_copy(update={"out": mixed.out.with_name("whole.csv")})
    score_folder(whole)
    n_rows = 0
    for number in range(n_shards, 0, -1):
        summary = score_folder(_shard_of(mixed, number, n_shards))
        n_rows += summary.n_ok + sum(summary.n_failed.values())
    summary = merge_shards(merging)
    expected = whole.out.read_bytes()
    assert mixed.out.read_bytes() == expected
    assert expected.count(COPY.encode()) == 4
    assert (n_rows, summary.n_shards, summary.n_ok) == (49, n_shards, 47)
    assert summary.n_failed == {"E_EMPTY": 1, "E_TRUNCATED": 1}
    assert summary.exit_code == 3
    again = mixed.model_copy(update={"resume": True})  # and it can be gone on with
    assert score_folder(again).n_earlier == 49


def test_added_files_move_no_other(mixed, merging, scan):
    """A shard that is gone on with appends; the rows stand in order when merged."""
    for number in (1, 2):
        score_folder(_shard_of(mixed, number, 2))
    before = [Shard(k, 2).file_of(mixed.out).read_bytes() for k in (1, 2)]
    for number in range(4):  # and copies, whose first is now another
        scan(mixed.input / f"a/new{number}.png", 90 + number)
        shutil.copy(
            mixed.input / f"s0{5 + number % 4}.png", mixed.input / f"0{number}.png"
        )
    added = 0
    for number in (1, 2):
        summary = score_folder(_shard_of(mixed, number, 2, resume=True))
        added += summary.n_ok + sum(summary.n_failed.values()) - summary.n_earlier
        path = Shard(number, 2).file_of(mixed.out)
        assert path.read_bytes().startswith(before[number - 1])
    assert added == 8
    merge_shards(merging)
    whole = mixed.model_copy(update={"out": mixed.out.with_name("whole.csv")})
    score_folder(whole)
    assert mixed.out.read_bytes() == whole.out.read_bytes()


def test_unfinished_shard_is_gone_on_with(mixed, monkeypatch):
    shard = _shard_of(mixed, 1, 2)
    score_folder(shard)
    expected = shard.target.read_bytes()
    shard.target.unlink()
    part_of(shard.target).write_bytes(expected[: len(expected) // 2])
    summary = score_folder(_shard_of(mixed, 1, 2, resume=True))
    assert summary.n_earlier > 0
    assert shard.target.read_bytes() == expected


def test_shard_without_scans_is_a_header(options, merging):
    for path in sorted(options.input.rglob("*.png"))[1:]:
        path.unlink()
    for number in (1, 2, 3):
        score_folder(_shard_of(options, number, 3))
    n_lines = [
        Shard(k, 3).file_of(options.out).read_bytes().count(b"\n") for k in (1, 2, 3)
    ]
    assert sorted(n_lines) == [1, 1, 2]
    assert merge_shards(merging).n_ok == 1
    assert options.out.read_bytes().count(b"\n") == 2


def test_folder_without_scans_is_told_by_every_shard(options):
    shutil.rmtree(options.input)
    options.input.mkdir()
    with pytest.raises(InputError, match=r"expected at least one scan .*2-of-3"):
        score_folder(_shard_of(options, 2, 3))


@pytest.fixture
def three(options) -> list[Path]:
    """Three finished shards of fourteen scans."""
    for number in (1, 2, 3):
        score_folder(_shard_of(options, number, 3))
    return [Shard(number, 3).file_of(options.out) for number in (1, 2, 3)]


def _refused(merging: MergeOptions, words: str) -> None:
    with pytest.raises(InputError, match=words) as caught:
        merge_shards(merging)
    assert caught.value.exit_code == 2
    assert not merging.out.exists()
    assert not part_of(merging.out).exists()


def test_shard_that_is_missing(three, merging):
    three[1].unlink()
    words = r"2-of-3\.csv: expected a finished shard, got none\. .* --shard 2/3"
    _refused(merging, words)


def test_shard_that_is_not_finished(three, merging):
    shutil.copy(three[0], part_of(three[0]))  # somebody adds to it
    _refused(merging, r"1-of-3\.csv: expected a finished shard, got an unfinished one")


def test_two_that_merge_at_once(three, merging):
    with lock_of(merging.out), pytest.raises(ResourceError, match="a lock held by"):
        merge_shards(merging)
    assert not part_of(merging.out).exists()
    merge_shards(merging)


@pytest.mark.parametrize("name", ["0-of-0", "1-of-3000000", "4-of-3"])
def test_names_of_no_shard(three, merging, name):
    for path in three:
        path.unlink()
    merging.out.with_name(f"rows.{name}.csv").touch()
    _refused(merging, "expected K/N with 1 <= K <= N <= 512")


def test_a_digest_that_is_none(three, merging):
    content = three[1].read_bytes()
    digest = content.splitlines()[1].split(b",")[-2]
    three[1].write_bytes(content.replace(digest, b"?"))
    _refused(merging, r"2-of-3\.csv: expected a SHA-256 or nothing for each file")


def test_no_shards(options, merging):
    options.out.parent.mkdir()
    _refused(merging, "of one N beside it, got N: none")


def test_shards_of_two_divisions(three, merging):
    shutil.copy(three[0], Shard(1, 2).file_of(merging.out))
    _refused(merging, "of one N beside it, got N: 2, 3")


def test_shard_twice(three, merging):
    shutil.copy(three[0], three[1])
    _refused(merging, r"2-of-3\.csv: expected scans of shard 2/3, got others")


def test_scan_twice(three, merging):
    content = three[0].read_bytes()
    row = content[content.index(b"\n") + 1 :].splitlines(keepends=True)[-1]
    three[0].write_bytes(content + row)
    _refused(merging, r"1-of-3\.csv: expected one row for '.*', got others")


def test_shard_of_another_bundle(three, merging, options, bundle_of_two_sizes):
    told = {"bundle": bundle_of_two_sizes, "overwrite": True}
    score_folder(_shard_of(options, 3, 3, **told))
    expected = r"rows of runtime eager and bundle [0-9a-f]{16}, got 'eager and bundle"
    _refused(merging, rf"3-of-3\.csv: expected {expected}")


def test_shard_of_another_runtime(three, merging):
    """Its decisions may be others near the cut point."""
    other = three[2].read_bytes().replace(b",eager,", b",openvino,")
    three[2].write_bytes(other)
    _refused(
        merging, r"3-of-3\.csv: expected .* bundle [0-9a-f]{16}, got 'openvino and"
    )


def test_shard_that_was_refined_otherwise(three, merging, options):
    score_folder(_shard_of(options, 3, 3, refine="diseased", overwrite=True))
    _refused(merging, r"3-of-3\.csv: expected the columns .* of the other shards")


@pytest.mark.parametrize("n_bytes", [0, 20, -1, -9])
def test_shard_that_was_cut_short(three, merging, n_bytes):
    three[2].write_bytes(three[2].read_bytes()[:n_bytes])
    _refused(merging, r"3-of-3\.csv: expected ")


def test_some_other_table_with_the_name_of_a_shard(three, merging):
    for path in three:
        path.write_text("path,label\r\n1.png,healthy\r\n")
    _refused(merging, r"1-of-3\.csv: expected the columns of scores")


def test_merged_file_stays(three, merging):
    merge_shards(merging)
    before = merging.out.read_bytes()
    with pytest.raises(InputError, match=r"expected a new file, got .*Add --overwrite"):
        merge_shards(merging)
    merging.out.write_text("x")
    merge_shards(merging.model_copy(update={"overwrite": True}))
    assert merging.out.read_bytes() == before
    assert not part_of(merging.out).exists()


def test_order_of_the_names_in_folders(options, merging, scan):
    """As `list_scans` gives it: a/b.png before a.png is wrong, by the bytes."""
    shutil.rmtree(options.input)
    for seed, path in enumerate(("a/b.png", "a.png", "a-b/c.png", "a é.png")):
        scan(options.input / path, seed)
    for number in (1, 2):
        score_folder(_shard_of(options, number, 2))
    merge_shards(merging)
    whole = options.model_copy(update={"out": options.out.with_name("whole.csv")})
    score_folder(whole)
    assert options.out.read_bytes() == whole.out.read_bytes()
