"""A ward without labels, on scans whose truth is known.

``python -m experiments.shift --data FOLDER --out FOLDER`` where the first folder holds
``kermany``, ``sars_cov2_ct`` and ``covid_ct``; phantoms are made. The screen is a
logistic regression on features of the frozen default network, one view. Writes
``recovery.json``, ``refusal.json`` and ``rivals.json``, and prints the tables.
"""

from __future__ import annotations

import argparse
from itertools import chain
from pathlib import Path

from experiments.shift.recovery import recovery_rows
from experiments.shift.refusal import (
    altered_rows,
    phantom_rows,
    series_rows,
    source_rows,
)
from experiments.shift.rivals import rival_rows
from experiments.shift.sources import read
from experiments.shift.tables import recovery_table, refusal_table, rival_table
from experiments.tables import save_rows


def main() -> None:
    """Run all and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--wards", type=int, default=10)
    told = parser.parse_args()
    kermany = read(told.data / "kermany", "normal", told.cache)
    rows = recovery_rows(
        kermany, seeds=told.seeds, wards=told.wards, n_scans=200, resamples=200
    )
    save_rows(told.out / "recovery.json", rows)
    print(recovery_table(rows))
    refused = []
    for row in chain(
        source_rows(told.data, told.cache, wards=told.wards),
        series_rows(kermany, wards=told.wards),
        phantom_rows(told.out, told.cache, wards=told.wards),
        altered_rows(kermany, wards=told.wards),
    ):
        refused.append(row)
        save_rows(told.out / "refusal.json", refused)
    print(refusal_table(refused))
    rivals = rival_rows(told.data, kermany, told.cache, wards=2 * told.wards)
    save_rows(told.out / "rivals.json", rivals)
    print(rival_table(rivals))


if __name__ == "__main__":
    main()
