"""Training over two processes, through accelerate."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

CODE = """
import json, sys, numpy as np, pandas as pd, torch
from pathlib import Path
sys.path.insert(0, sys.argv[1])
torch.set_num_threads(1)
from test_estimator import WHOLE
from hierclf.training.estimator import NetworkClassifier
m = pd.read_csv(sys.argv[2])
told = {"part": "last", "optimizer": "sgd"} | json.loads(sys.argv[4])
stage = NetworkClassifier(WHOLE.model_copy(update=told)).fit(m, m["label"])
import os
np.save(Path(sys.argv[3]) / (os.environ.get("RANK", "alone") + ".npy"),
        stage.predict_proba(m))
"""


KEPT = {"epochs": 4, "learning_rate": 0.3, "batch_size": 11, "frozen_norm": True}
"""Shares of 6 and 5 rows."""


@pytest.mark.slow
@pytest.mark.parametrize(("told", "apart"), [(KEPT, 1e-5), ({"epochs": 2}, 0.1)])
def test_two_processes_learn_what_one_learns(
    scans: pd.DataFrame, tmp_path: Path, told: dict[str, object], apart: float
) -> None:
    """Only rounding differs where BatchNorm is kept; else each sees half of a batch."""
    scans.to_csv(tmp_path / "m.csv", index=False)
    (tmp_path / "fit.py").write_text(CODE)
    arguments = [str(tmp_path / "fit.py"), str(Path(__file__).parent)]
    arguments += [str(tmp_path / "m.csv"), str(tmp_path), json.dumps(told)]
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run([sys.executable, *launch, *arguments], check=True)
    subprocess.run([sys.executable, *arguments], check=True)
    ranks = [np.load(tmp_path / f"{rank}.npy") for rank in (0, 1)]
    np.testing.assert_array_equal(ranks[0], ranks[1])
    alone = np.load(tmp_path / "alone.npy")
    np.testing.assert_allclose(ranks[0], alone, rtol=0, atol=apart)
    if told is KEPT:
        assert np.ptp(alone[:, 0]) > 0.01, "it learned something"
