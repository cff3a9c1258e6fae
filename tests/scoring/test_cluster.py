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
from hierclf.scoring.folder import score_folder
from hierclf.scoring.journal import part_of

ROOT = Path(__file__).resolve().parents[2]
DRIVER = r'''
from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module
from pathlib import Path
from threading import Thread

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray
import ray.data
from ray.cluster_utils import Cluster

from hierclf.foundation.errors import HierclfError
from hierclf.scoring import cluster
from hierclf.scoring.folder import score_folder
from hierclf.scoring.options import ScoreOptions


PAUSE_S = float(os.environ["HIERCLF_TEST_PAUSE_S"])  # of each block; 0 loses no node


class Marked(cluster.Actor):
    """Leaves the name of its node, and what it was asked for."""

    def __call__(self, block):
        node = ray.get_runtime_context().get_node_id()
        with (self._options.out.parent / f"node-{node}").open("ab") as stream:
            stream.writelines(bytes(name) + b"\0" for name in block["name"])
        time.sleep(PAUSE_S)
        return super().__call__(block)


def lose(nodes: Cluster, folder: Path) -> None:
    """Kill the second node as soon as both are at work."""
    while len(list(folder.glob("node-*"))) < 2:
        time.sleep(0.05)
    nodes.remove_node(next(iter(nodes.worker_nodes)), allow_graceful=False)
    (folder / "lost").touch()


def told(options: ScoreOptions, digest: str) -> list[str]:
    """Ask for rows, and give the error that comes instead."""
    try:
        list(cluster.rows_on_ray(options, digest, iter([options.input / "s00.png"])))
    except HierclfError as error:
        return [type(error).__name__, str(error)]
    return ["rows", ""]


def main() -> None:
    options = ScoreOptions.model_validate_json(sys.argv[1])
    nodes = Cluster()
    try:
        for _ in range(2):
            nodes.add_node(num_cpus=1, object_store_memory=100 << 20)
        options = options.model_copy(update={"ray_address": nodes.address})
        ray.data.DataContext.get_current().wait_for_min_actors_s = 600
        # by name, so that it need not be sent
        plain, cluster.Actor = cluster.Actor, import_module("ray_driver").Marked
        if PAUSE_S:
            Thread(target=lose, args=(nodes, options.out.parent), daemon=True).start()
        summary = score_folder(options)
        cluster.Actor = plain
        gone = options.model_copy(update={"input": Path("/nowhere")})
        found = {
            "summary": summary.model_dump(),
            "bundle": told(options, "0" * 64),
            "folder": told(gone, summary.digest),
        }
        sys.stdout.write(json.dumps(found))
    finally:
        ray.shutdown()
        nodes.shutdown()


if __name__ == "__main__":
    main()
'''


def test_want_of_ray_is_told_in_one_line_and_leaves_nothing(options, monkeypatch):
    score_folder(options)
    monkeypatch.setattr("hierclf.scoring.folder.find_spec", lambda _: None)
    told = r"engine: expected the package ray, got none .*pip install 'hierclf\[ray\]'"
    with pytest.raises(InputError, match=told):
        score_folder(options.model_copy(update={"engine": "ray", "resume": True}))
    assert not part_of(options.out).exists()


def test_ray_is_imported_in_one_file():
    named = [
        path.name
        for path in (ROOT / "hierclf").rglob("*.py")
        if re.search(r"^ *(import|from) ray\b", path.read_text(), re.M)
    ]
    assert named == ["cluster.py"]


def _run(options, folder: Path, *, pause_s: float = 0.0) -> dict:
    driver = folder / "ray_driver.py"
    driver.write_text(DRIVER)
    told = options.model_dump_json(exclude={"shard"})
    paths = [str(ROOT), str(folder), os.environ.get("PYTHONPATH", "")]
    own = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    own["HIERCLF_TEST_PAUSE_S"] = str(pause_s)
    command = [sys.executable, str(driver), told]
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
def test_two_nodes_go_on_with_what_this_process_left(halfway, tmp_path):
    """The same bytes, bad files among them, and no scan is scored a second time."""
    told = _run(halfway, tmp_path)
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


@pytest.mark.slow
@pytest.mark.ray
@pytest.mark.skipif(find_spec("ray") is None, reason="ray is not installed")
def test_a_node_that_is_lost_loses_no_row(halfway, tmp_path):
    """Its blocks go to the other: the same bytes, each scan in one row."""
    told = _run(halfway, tmp_path, pause_s=1.0)
    folder = halfway.out.parent
    assert (folder / "lost").exists()
    assert halfway.out.read_bytes() == (folder / "whole.csv").read_bytes()
    assert told["summary"]["n_ok"] == 74
