"""Run by test_cluster.py in a process of its own: two nodes, and what they score."""

from __future__ import annotations

import json
import os
import sys
from importlib import import_module
from pathlib import Path

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import ray
import ray.data
from ray.cluster_utils import Cluster

from hierclf.foundation.errors import HierclfError
from hierclf.scoring import cluster
from hierclf.scoring.folder import score_folder
from hierclf.scoring.options import ScoreOptions


class Marked(cluster.Actor):
    """Leaves the name of its node, and what it was asked for."""

    def __call__(self, block):
        node = ray.get_runtime_context().get_node_id()
        with (self._options.out.parent / f"node-{node}").open("ab") as stream:
            stream.writelines(bytes(name) + b"\0" for name in block["name"])
        return super().__call__(block)


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
