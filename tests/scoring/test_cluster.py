from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from hierclf.foundation.errors import BundleError, InputError, ResourceError
from hierclf.scoring import cluster
from hierclf.scoring.folder import score_folder
from hierclf.scoring.journal import part_of

ROOT = Path(__file__).resolve().parents[2]
DRIVER = Path(__file__).with_name("ray_driver.py")


def test_want_of_ray_is_told_in_one_line(options, monkeypatch):
    monkeypatch.setattr(cluster, "find_spec", lambda _: None)
    told = r"engine: expected the package ray, got none .*pip install 'hierclf\[ray\]'"
    with pytest.raises(InputError, match=told):
        score_folder(options.model_copy(update={"engine": "ray"}))


def test_ray_is_imported_in_one_file():
    named = [
        path.name
        for path in (ROOT / "hierclf").rglob("*.py")
        if re.search(r"^ *(import|from) ray\b", path.read_text(), re.M)
    ]
    assert named == ["cluster.py"]


def _run(options) -> dict:
    told = options.model_dump_json(exclude={"shard"})
    paths = [str(ROOT), str(DRIVER.parent), os.environ.get("PYTHONPATH", "")]
    own = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    command = [sys.executable, str(DRIVER), told]
    done = subprocess.run(
        command, env=own, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture
def halfway(options, scan):
    """A folder with broken files and odd names, and what a kill left of its rows."""
    for number in range(60):
        scan(options.input / f"many/{number % 3}/{number}.png", number + 20)
    (options.input / "many" / "0.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (options.input / "s03.png").write_bytes(b"")
    raw = os.fsencode(options.input) + b"/\xff\xfe.png"
    shutil.copy(options.input / "s00.png", raw)
    options = options.model_copy(update={"threads": 1, "batch_size": 2})
    score_folder(options)
    whole = options.out.read_bytes()
    options.out.rename(options.out.with_name("whole.csv"))
    part_of(options.out).write_bytes(whole[: len(whole) // 4])
    return options.model_copy(update={"resume": True, "engine": "ray"})


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")
def test_two_nodes_go_on_with_what_this_process_left(halfway):
    """The same bytes, bad files among them, and no scan is scored a second time."""
    told = _run(halfway)
    folder = halfway.out.parent
    assert halfway.out.read_bytes() == (folder / "whole.csv").read_bytes()
    summary = told["summary"]
    assert summary["n_failed"] == {"E_EMPTY": 1, "E_TRUNCATED": 1}
    assert (summary["n_ok"], summary["n_earlier"] > 0) == (74, True)
    nodes = [path.read_bytes().split(b"\0")[:-1] for path in folder.glob("node-*")]
    assert len(nodes) == 2
    asked = [name for names in nodes for name in names]
    assert len(asked) == len(set(asked)) == 76 - summary["n_earlier"]
    kind, message = told["bundle"]
    assert kind == BundleError.__name__
    assert "of the cluster: expected bundle 0000000000000000, got" in message
    kind, message = told["folder"]
    assert kind == ResourceError.__name__
    assert "expected the folder /nowhere, got none" in message
