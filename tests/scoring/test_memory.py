from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

DRIVER = """
import resource, sys
from pathlib import Path
from hierclf.scoring.folder import score_folder
from hierclf.scoring.options import ScoreOptions
bundle, folder, out, n_scans = sys.argv[1:]
options = ScoreOptions(bundle=Path(bundle), input=Path(folder), out=Path(out))
assert score_folder(options).n_ok == int(n_scans)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def _peak_kb(bundle, folder, n_scans: int) -> int:
    out = folder.with_suffix(".csv")
    command = [sys.executable, "-c", DRIVER, bundle, folder, out, str(n_scans)]
    told = subprocess.run(command, capture_output=True, check=True)
    return int(told.stdout.split()[-1])


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_scans(bundle, scan, tmp_path):
    """Fault 47."""
    originals = [scan(tmp_path / "few" / f"{k}.png", k) for k in range(10)]
    peaks = {}
    for n_scans in (500, 3000):
        folder = tmp_path / str(n_scans)
        folder.mkdir()
        for number in range(n_scans):
            shutil.copy(originals[number % 10], folder / f"{number:05}.png")
        peaks[n_scans] = _peak_kb(bundle, folder, n_scans)
    assert peaks[3000] <= 1.1 * peaks[500]
