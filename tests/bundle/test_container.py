from __future__ import annotations

import hashlib
import json
import os
import pickle
import signal
import time
import zipfile

import numpy as np
import pytest

from hierclf.bundle.container import kind_of, read_container, write_container
from hierclf.foundation.errors import BundleError, InputError

FILES = {
    "info.json": b"{}\n",
    "model_card.md": b"# card\n",
    "screen.json": b"{}\n",
    "refine.json": b"{}\n",
    "self-test.safetensors": b"12345678",
}


class Payload:
    """Writes a file when it is unpickled."""

    def __init__(self, marker) -> None:
        self.marker = marker

    def __reduce__(self):
        return os.system, (f"touch {self.marker}",)


@pytest.fixture
def folder(tmp_path):
    write_container(tmp_path / "b", FILES)
    return tmp_path / "b"


def _declare(folder, name: str, kind: str, content: bytes) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    digest = hashlib.sha256(content).hexdigest()
    manifest["files"][name] = {"kind": kind, "size": len(content), "sha256": digest}
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_what_was_written_is_read(folder):
    container = read_container(folder)
    assert container.files == FILES
    manifest = (folder / "manifest.json").read_bytes()
    assert container.digest == hashlib.sha256(manifest).hexdigest()


def test_digest_is_told_when_writing_and_depends_on_every_file(tmp_path):
    digests = {write_container(tmp_path / "0", FILES)}
    for name, content in FILES.items():
        other = {**FILES, name: content + b" "}
        digests.add(write_container(tmp_path / name, other))
    assert len(digests) == 1 + len(FILES)
    assert read_container(tmp_path / "0").digest in digests


def test_one_wanted_file_is_read_alone(folder):
    (folder / "screen.json").write_bytes(b"[]\n")  # same size, never opened
    assert dict(read_container(folder, "info.json").files) == {"info.json": b"{}\n"}
    (folder / "screen.json").write_bytes(b"[]")  # but its size is looked at
    with pytest.raises(BundleError, match=r"screen\.json: expected 3 bytes, got 2"):
        read_container(folder, "info.json")


@pytest.mark.parametrize("name", sorted(FILES))
def test_missing_file(folder, name):
    """Fault 55."""
    (folder / name).unlink()
    with pytest.raises(BundleError, match=f"{name}: expected the file that the man"):
        read_container(folder)


@pytest.mark.parametrize("name", ["screen.skops", "trunk-0123456789abcdef.safetensors"])
def test_extra_file(folder, name):
    """Fault 55."""
    (folder / name).write_bytes(b"")
    with pytest.raises(BundleError, match=f"{name}: expected only files that the man"):
        read_container(folder)


@pytest.mark.parametrize("name", [".DS_Store", "run.py", "a\nb.json", "INFO.JSON"])
def test_file_of_no_bundle(folder, name):
    """Fault 55."""
    (folder / name).write_bytes(b"")
    with pytest.raises(BundleError, match="expected only files of a bundle, got '"):
        read_container(folder)


def test_manifest_that_leaves_out_what_every_bundle_has(tmp_path):
    """Fault 55."""
    write_container(tmp_path / "b", {k: FILES[k] for k in FILES if k != "refine.json"})
    with pytest.raises(BundleError, match=r"expected an entry for refine\.json, got n"):
        read_container(tmp_path / "b")


@pytest.mark.parametrize("name", sorted(FILES))
def test_one_bit_of_a_file_flipped(folder, name):
    """Fault 56."""
    content = bytearray((folder / name).read_bytes())
    content[1] ^= 1
    (folder / name).write_bytes(content)
    with pytest.raises(BundleError, match=f"{name}: expected SHA-256 [0-9a-f]{{16}}"):
        read_container(folder)


@pytest.mark.parametrize("keep", [0, 3])
def test_truncated_file(folder, keep):
    """Fault 57."""
    (folder / "self-test.safetensors").write_bytes(b"12345678"[:keep])
    with pytest.raises(BundleError, match=f"expected 8 bytes, got {keep}"):
        read_container(folder)


@pytest.mark.parametrize("keep", [0, 1, 40])
def test_truncated_manifest(folder, keep):
    """Fault 57."""
    whole = (folder / "manifest.json").read_bytes()
    (folder / "manifest.json").write_bytes(whole[:keep])
    with pytest.raises(BundleError, match="expected valid JSON"):
        read_container(folder)


def test_newer_format_is_refused_with_both_versions(folder):
    """Fault 58."""
    manifest = {"format_version": 2, "files": {}, "signatures": []}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="format version 1 or older, got 2"):
        read_container(folder)


@pytest.mark.parametrize("version", [0, -1, "1", 1.5, None, [1]])
def test_senseless_format(folder, version):
    """Fault 58."""
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["format_version"] = version
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError, match="format_version"):
        read_container(folder)


@pytest.mark.parametrize(
    "name", ["../screen.skops", "/etc/passwd", "a/screen.skops", "screen.skops\n", ""]
)
def test_path_in_the_manifest(folder, name):
    """Fault 63."""
    _declare(folder, name, "learner", b"")
    with pytest.raises(BundleError, match="expected names of bundle files, got"):
        read_container(folder)


def test_kind_that_is_not_that_of_the_name(folder):
    """Fault 63."""
    (folder / "screen.skops").write_bytes(b"")
    _declare(folder, "screen.skops", "weights", b"")
    with pytest.raises(BundleError, match="expected names of bundle files"):
        read_container(folder)


@pytest.mark.parametrize("name", ["model.pkl", "screen.joblib", "trunk.pt", "x.pth"])
def test_pickle_in_a_bundle(folder, name, tmp_path):
    """Fault 64."""
    content = pickle.dumps(Payload(tmp_path / "ran"))
    (folder / name).write_bytes(content)
    _declare(folder, name, "weights", content)
    with pytest.raises(BundleError, match="expected only files of a bundle"):
        read_container(folder)
    assert not (tmp_path / "ran").exists()


def test_archive_instead_of_a_folder(folder, tmp_path):
    """Fault 66."""
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        archive.write(folder / "info.json", "../info.json")
    with pytest.raises(BundleError, match="expected a folder, got a file"):
        read_container(tmp_path / "b.zip")


def test_no_such_folder(tmp_path):
    """Fault 66."""
    with pytest.raises(BundleError, match="expected a folder, got nothing"):
        read_container(tmp_path / "none")


def test_folder_of_something_else(tmp_path):
    with pytest.raises(BundleError, match=r"a bundle with manifest\.json, got a fold"):
        read_container(tmp_path)


@pytest.mark.parametrize("make", [os.symlink, os.mkfifo, os.mkdir])
def test_file_that_is_none(folder, make, tmp_path):
    """Fault 66."""
    kept = (folder / "info.json").rename(tmp_path / "kept")
    if make is os.symlink:
        make(kept, folder / "info.json")
    else:
        make(folder / "info.json")
    with pytest.raises(BundleError, match=r"info\.json: expected a regular file"):
        read_container(folder)


def test_folder_reached_by_a_link(folder, tmp_path):
    (tmp_path / "current").symlink_to(folder)
    assert read_container(tmp_path / "current").files == FILES


def test_manifest_of_100_megabytes_is_not_read(folder):
    """Fault 67."""
    os.truncate(folder / "manifest.json", 100 << 20)
    with pytest.raises(BundleError, match="expected at most 1048576 bytes, got 10485"):
        read_container(folder)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('{"files": ' * 50_000, "nested too deeply"),
        ('{"format_version": 1, "format_version": 2}', "a key stands twice"),
        ('{"format_version": NaN}', "NaN is no JSON number"),
        ('{"format_version": 1, "files": {}, "x": 1}', "x: Extra inputs"),
        ('{"format_version": 1}', "files: Field required"),
        ("[]", "Input should be an object"),
        ("\x00", "valid JSON"),
        ("import os", "valid JSON"),
    ],
)
def test_manifest_of_another_form(folder, text, reason):
    """Fault 67."""
    (folder / "manifest.json").write_text(text)
    with pytest.raises(BundleError, match=reason):
        read_container(folder)


def test_manifest_that_is_no_text(folder):
    """Fault 67."""
    (folder / "manifest.json").write_bytes(b'{"\xff": 1}')
    with pytest.raises(BundleError, match="expected valid JSON"):
        read_container(folder)


def test_thousands_of_files(folder):
    """Fault 67."""
    for number in range(70):
        (folder / f"trunk-{number:016x}.safetensors").touch()
    with pytest.raises(BundleError, match="expected at most 64 files, got more"):
        read_container(folder)


def test_messages_are_one_line_of_ascii(folder):
    text = json.dumps({"format_version": 1, "files": {}, "\u202eevil\n\x1b[2J": 1})
    (folder / "manifest.json").write_text(text)
    with pytest.raises(BundleError) as caught:
        read_container(folder)
    assert str(caught.value).isascii()
    assert str(caught.value).isprintable()


def test_existing_bundle_is_not_replaced_unasked(folder):
    with pytest.raises(InputError, match="expected a new folder, got one that exists"):
        write_container(folder, {**FILES, "info.json": b"[]\n"})
    assert read_container(folder).files == FILES


def test_existing_bundle_is_replaced_when_asked(folder):
    other = {**FILES, "info.json": b"[]\n"}
    digest = write_container(folder, other, overwrite=True)
    assert read_container(folder).digest == digest
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]


@pytest.mark.parametrize("is_file", [True, False])
def test_something_else_is_never_replaced(tmp_path, is_file):
    home = tmp_path / "home"
    kept = home if is_file else home / "thesis.tex"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("years of work")
    with pytest.raises(
        InputError, match=r"expected a folder with manifest.json to overwrite"
    ):
        write_container(home, FILES, overwrite=True)
    assert kept.read_text() == "years of work"


def test_second_writer_does_not_mix_its_files_in(folder, monkeypatch):
    """Fault 70: two that began while there was no bundle; the second loses."""
    first = read_container(folder).digest
    late = folder.parent / "late"
    real = os.replace

    def raced(source, target):
        real(source, folder if str(target) == str(late) else target)

    monkeypatch.setattr(os, "replace", raced)
    with pytest.raises(Exception, match="not empty") as caught:
        write_container(late, {**FILES, "info.json": b"[]\n"})
    assert caught.value.exit_code == 5
    assert read_container(folder).digest == first


def _write_until_killed(folder, versions) -> None:
    try:
        for k in range(1_000_000):
            write_container(folder, versions[k % 2], overwrite=True)
    finally:
        os._exit(1)


def test_killed_writer_leaves_the_old_or_the_new(tmp_path):
    """Fault 106: twenty kill -9 while bundles are written over each other."""
    versions = [{**FILES, "info.json": b"[%d]" % k + b" " * 50_000} for k in range(2)]
    folder = tmp_path / "b"
    known = {write_container(tmp_path / str(k), versions[k]) for k in range(2)}
    write_container(folder, versions[0])
    rng = np.random.default_rng(0)
    for _ in range(20):
        child = os.fork()
        if child == 0:
            _write_until_killed(folder, versions)
        time.sleep(0.005 + rng.random() * 0.03)
        os.kill(child, signal.SIGKILL)
        assert os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL
        assert read_container(folder).digest in known
    assert list(tmp_path.glob(".b-*"))  # some were hit while they wrote


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("trunk-0123456789abcdef.safetensors", "weights"),
        ("trunk-0123456789ABCDEF.safetensors", None),
        ("refine-head.safetensors", "weights"),
        ("refine-head.safetensors.py", None),
        ("manifest.json", None),
    ],
)
def test_kind_of_a_name(name, kind):
    assert kind_of(name) == kind
