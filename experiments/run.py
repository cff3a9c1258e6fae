"""Run the rows of a published system.

``python -m experiments.run NAME [TABLE] [--data DIR ...] [--smoke]``. Without
``--data`` on the phantom. Each row ends as one JSON file. Where ImageNet weights of a
network cannot be had (``--weights-dir``), its rows are run by two stand-ins.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from experiments.console import told_in_one_line
from experiments.papers.figures import Figure, figures_of, read_said
from experiments.papers.fits import Fitted, fit
from experiments.papers.paper import NAMES, PHANTOM, Experiment, Row, Variant, load
from experiments.papers.plans import (
    Told,
    missing_weights,
    options_of,
    variants_of,
)
from experiments.papers.records import (
    Record,
    chosen_options,
    made_by,
    read_records,
    results_folder,
    write_record,
)
from experiments.papers.sets import TASKS, name_of, plain
from experiments.papers.standing import disagreeing
from hierclf.assembly.provenance import versions
from hierclf.config.commands import TrainOptions
from hierclf.foundation.choices import choose
from hierclf.foundation.errors import HierclfError, InputError
from hierclf.foundation.files import explain_os_error

_SMOKE = "tiny phantoms, one epoch; it says that rows run, and no figure means anything"


@dataclass(frozen=True)
class Choice:
    """Which rows are run; an empty choice is all.

    Parameters
    ----------
    tables, rows : tuple of str
        By their names.
    variants : tuple of str
        Instead of what `experiments.papers.plans.variants_of` chooses.
    """

    tables: tuple[str, ...] = ()
    rows: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = ()


def run_paper(name: str, told: Told, out: Path, choice: Choice) -> list[str]:
    """Run rows of a paper and write a record for each row, set and variant.

    Parameters
    ----------
    name : str
        Of the paper.
    told : Told
        Sets, weights, smoke, seed.
    out : Path
        Folder for the records.
    choice : Choice
        Which rows.

    Returns
    -------
    failed : list of str
        Rows that could not be run; the others are done all the same.
    """
    experiment = load(name)
    make_folder(out)
    if told.smoke:
        print(f"{told.mark}{name}: {_SMOKE}", flush=True)
    failed = []
    n_run = 0
    for table, row in _wanted(experiment, choice):
        for data, variant in _runs(experiment, table, row, told, choice):
            n_run += 1
            try:
                record = _record(experiment, table, row, variant, data, told)
                write_record(out, record)
            except HierclfError as error:
                failed.append(f"{name} {table}/{row}, {data}, {variant}: {error}")
                print(f"{told.mark}{failed[-1]}", file=sys.stderr, flush=True)
                continue
            done = f"{name} {record.file}: {record.seconds:.0f} s"
            print(f"{told.mark}{done}", flush=True)
            _tell_other_sets(experiment, out, record)
    if not n_run:
        raise InputError(
            f"{name}: expected rows that these sets and variants have, got none. See "
            f"the tables in experiments/{name}."
        )
    return failed


def _tell_other_sets(experiment: Experiment, out: Path, record: Record) -> None:
    """Say where older records of the folder are of other scans under the same name."""
    try:
        kept = read_records(out)
        of_rows = [one for one in kept if one.row in experiment.rows.get(one.table, {})]
        lines = disagreeing([(experiment, of_rows)], like=record)
    except HierclfError as error:  # the record itself is written
        lines = [str(error)]
    for line in lines:
        print(line, file=sys.stderr, flush=True)


def make_folder(out: Path) -> None:
    """Make the folder of the records before anything is trained for them."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise explain_os_error(f"make {out}", error) from error


def _wanted(experiment: Experiment, choice: Choice) -> Iterator[tuple[str, str]]:
    for table in choice.tables or experiment.rows:
        for row in choose("table", table, experiment.rows):
            if not choice.rows or row in choice.rows:
                yield table, row


def _runs(
    experiment: Experiment, table: str, name: str, told: Told, choice: Choice
) -> Iterator[tuple[str, Variant]]:
    """Say on which sets and as which variants a row is run."""
    row = experiment.rows[table][name]
    wanted = choice.variants or variants_of(row, told)
    missing = missing_weights(_as_published(row, told), told)
    if missing and "published" not in wanted:
        print(
            f"{told.mark}{table}/{name}: no ImageNet weights of {', '.join(missing)} "
            f"in --weights-dir; run as {', '.join(wanted) or 'nothing'} instead",
            flush=True,
        )
    for data in _sets(row, told):
        for variant in wanted:
            if variant in (*row.variants, "published"):
                yield data, variant


def _as_published(row: Row, told: Told) -> TrainOptions:
    return options_of(row, "published", PHANTOM, told)


def _sets(row: Row, told: Told) -> list[str]:
    """Choose the sets that a row takes of those that there are."""
    if not told.data or told.smoke:
        return [PHANTOM]
    able = [
        name
        for name in told.data
        if plain(name) in row.data and row.task in TASKS[name]
    ]
    if row.first and not any(plain(name) == row.first_data for name in told.data):
        return []
    return able


def _record(
    experiment: Experiment,
    table: str,
    name: str,
    variant: Variant,
    data: str,
    told: Told,
) -> Record:
    row = experiment.rows[table][name]
    rows = {
        f"{other}/{one}": found
        for other, inside in experiment.rows.items()
        for one, found in inside.items()
    }
    made = made_by()
    fitted = fit(row, rows, variant, data, told)
    facts = fitted.facts
    n_resamples = fitted.options.resamples
    figures = dict(facts.figures) if _is_cascade(row) or not facts.labels else {}
    if facts.labels:
        said = (fitted.folder, facts.labels, row.reads)
        figures |= _figures(*said, n_resamples, told.seed)
    return Record(
        paper=experiment.paper.name,
        table=table,
        row=name,
        variant=variant,
        smoke=told.smoke,
        data=plain(data) if facts.n_scans else "none",
        fingerprint=facts.fingerprint,
        phantom=facts.phantom,
        n_scans=facts.n_scans,
        n_patients=facts.n_patients,
        protocol=facts.protocol,
        commit=made,
        seed=told.seed,
        versions=versions(),
        options=_options(fitted, row) | {"reads": row.reads},
        seconds=facts.seconds,
        figures=figures,
    )


def _is_cascade(row: Row) -> bool:
    """Tell whether cut point and training curve are of the model that is read."""
    return row.by == "job" and row.reads.startswith("cascade")


@lru_cache(maxsize=8)
def _figures(
    folder: Path, labels: tuple[str, ...], column: str, n_resamples: int, seed: int
) -> dict[str, Figure]:
    said = read_said(folder / "predictions.csv", labels, column)
    return figures_of(said, n_resamples=n_resamples, seed=seed)


def _options(fitted: Fitted, row: Row) -> dict[str, Any]:
    kept = chosen_options(fitted.options)
    network = kept.get("network", {})
    network.pop("weights_dir", None)
    if row.first:
        network["weights"] = f"the bundle of {row.first}"
    if row.lungs:
        kept["lungs"] = "a segmenter trained on phantoms of other patients"
    return kept


def _named(folders: list[Path]) -> dict[str, Path]:
    """Recognize sets; no two that a record could not tell apart."""
    found: dict[str, Path] = {}
    for folder in folders:
        name = name_of(folder)
        if plain(name) in map(plain, found):
            raise InputError(f"--data: expected one {plain(name)}, got two. Run apart.")
        found[name] = folder
    return found


def main() -> None:
    """Run what the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=[*NAMES, "all"])
    parser.add_argument("table", nargs="*", help="all tables if not given")
    parser.add_argument("--data", type=Path, nargs="+", default=[], metavar="DIR")
    parser.add_argument("--smoke", action="store_true", help="tiny, on the phantom")
    parser.add_argument("--out", type=Path, help="folder for the records")
    parser.add_argument("--work", type=Path, default=Path("runs/papers"))
    parser.add_argument("--weights-dir", type=Path)
    parser.add_argument("--row", nargs="+", default=[])
    parser.add_argument("--variant", nargs="+", default=[], choices=get_args(Variant))
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    with told_in_one_line():
        told = Told(
            work=args.work,
            data=_named(args.data),
            weights_dir=args.weights_dir,
            smoke=args.smoke,
            seed=args.seed,
        )
        choice = Choice(tuple(args.table), tuple(args.row), tuple(args.variant))
        failed = []
        for name in NAMES if args.name == "all" else [args.name]:
            out = args.out / name if args.out else results_folder(name)
            failed += run_paper(name, told, out, choice)
    if failed:
        print(f"{len(failed)} rows failed, see above", file=sys.stderr)
        sys.exit(3)


if __name__ == "__main__":
    main()
