"""Claimed against obtained, as Markdown.

``python -m experiments.compare [NAME ...] [--results DIR]`` reads the records that
``experiments.run`` wrote. Every figure that a source claims has a line, whether there
is a record or not.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from experiments.console import told_in_one_line
from experiments.papers.figures import Figure
from experiments.papers.paper import NAMES, Claim, Claims, Experiment, load
from experiments.papers.records import Record, read_records, results_folder
from hierclf.foundation.errors import InputError

HEAD = ("table", "row", "figure", "claimed", "obtained [95 %]", "data", "variant")
LEGEND = """\
Intervals are of 95 %, by patient. *published*: the row as its source has it.
*lite0*: on EfficientNet-Lite0, whose ImageNet weights are installed. *scratch*: the
named network, from random weights, smaller and shorter. A *stand-in* is another set
of real scans than that of the source. A phantom is a synthetic radiograph: its
figures say nothing about patients. A *smoke run* is a hundred tiny phantoms and one
epoch: it says that the row runs, and nothing else. It is shown, in brackets, where
there is nothing better. Rows that differ by their network alone share one lite0
run."""
_COUNTS = {"n_tested", "false_negatives", "parameters", "parameters_fixed"}
_DIGITS = {"cut_point": 2, "chi_square": 1, "settled_epoch": 0}


def table_of(experiment: Experiment, records: list[Record]) -> str:
    """Print one paper.

    Parameters
    ----------
    experiment : Experiment
        Its claims and rows.
    records : list of Record
        What was obtained.

    Returns
    -------
    markdown : str
        Heading, table, notes.
    """
    paper = experiment.paper
    cells = list(_lines(experiment, records))
    told = [
        f"## {paper.name}",
        paper.citation.strip(),
        "\n".join(_row(line) for line in (HEAD, ("---",) * len(HEAD), *cells)),
        f"Not obtainable here as published: {paper.data.missing}.",
    ]
    notes = [
        f"- {table}: {' '.join(claims.note.split())}"
        for table, claims in paper.tables.items()
        if claims.note
    ]
    if notes:
        told.append("\n".join(notes))
    return "\n\n".join(told)


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def _lines(experiment: Experiment, records: list[Record]) -> Iterator[tuple[str, ...]]:
    """Give the cells of each table: every claimed figure, then rows of our own."""
    for table, claims in experiment.paper.tables.items():
        for place, row, word, key, claim in experiment.paper.claims():
            if place == table:
                told = claimed(claims, claim)
                yield from _obtained(experiment, records, table, row, word, key, told)
        for row in experiment.rows[table]:
            if not experiment.claimed(table, row):
                for word, key in experiment.figures(table, row).items():
                    yield from _obtained(experiment, records, table, row, word, key)


def _obtained(
    experiment: Experiment,
    records: list[Record],
    table: str,
    row: str,
    word: str,
    key: str,
    claim: str = "-",
) -> Iterator[tuple[str, ...]]:
    told = (table, _name(experiment, table, row), word, claim)
    mine = [one for one in records if (one.table, one.row) == (table, row)]
    unit = experiment.paper.tables[table].unit
    if not mine:
        yield (*told, "not run here", "-", "-")
    for record in best(mine):
        value = _value(record.figures.get(key), key, unit)
        where = _data(experiment, record)
        if record.smoke:
            yield (*told, f"({value})", where, f"{record.variant}, cut down")
        else:
            yield (*told, value, where, record.variant)


def _name(experiment: Experiment, table: str, row: str) -> str:
    note = experiment.rows[table][row].note
    return f"{row} ({note})" if note else row


def claimed(claims: Claims, claim: Claim) -> str:
    """Write a claim with as many decimals as its table has."""
    if not isinstance(claim, float):
        return str(claim)
    floats = [one for row in claims.rows.values() for one in row if type(one) is float]
    least = 2 if claims.unit == "share" else 0
    decimals = max(least, *(len(str(one).partition(".")[2]) for one in floats))
    return f"{claim:.{decimals}f}"


def best(records: list[Record]) -> list[Record]:
    """Keep what was run in earnest; real scans first. Smoke runs only if alone."""
    earnest = [record for record in records if not record.smoke]
    return sorted(earnest or records, key=lambda one: (one.phantom, one.data))


def _data(experiment: Experiment, record: Record) -> str:
    if record.data == "none":
        return "no scans"
    if record.smoke:
        return f"{record.data}, smoke run"
    own = record.phantom or record.data in experiment.paper.data.own
    tested = record.figures.get("n_tested", {}).get("value")
    some = f"{int(tested)} tested of " if tested and tested < record.n_scans else ""
    where = f"{record.data}{'' if own else ' (stand-in)'}"
    return f"{where}, {some}{record.n_scans} scans"


def _value(figure: Figure | None, key: str, unit: str) -> str:
    if figure is None or figure["value"] is None:
        return "undefined"
    shown = [figure[name] for name in ("value", "low", "high") if name in figure]
    text = [_number(one, key, unit) for one in shown]
    return text[0] if len(text) < 3 else f"{text[0]} [{text[1]}, {text[2]}]"


def _number(value: float | int | None, key: str, unit: str) -> str:
    if value is None:
        return "-"
    if key in _COUNTS:
        return str(int(value))
    if key in _DIGITS or key.startswith("weight"):
        return f"{value:.{_DIGITS.get(key, 1)}f}"
    return f"{100 * value:.1f}" if unit == "percent" else f"{value:.3f}"


def summary(experiment: Experiment, records: list[Record]) -> str:
    """Count the claims and what stands beside them."""
    kinds: Counter[str] = Counter()
    for table, row, *_ in experiment.paper.claims():
        mine = best([one for one in records if (one.table, one.row) == (table, row)])
        kinds[_kind(experiment, mine)] += 1
    told = ", ".join(f"{kind} {count}" for kind, count in kinds.most_common())
    return f"| {experiment.paper.name} | {kinds.total()} | {told} |"


def _kind(experiment: Experiment, records: list[Record]) -> str:
    if not records:
        return "nothing"
    first = records[0]
    if first.data == "none":
        return "a count"
    if first.smoke:
        return "a smoke run"
    if first.phantom:
        return "phantoms"
    own = first.data in experiment.paper.data.own
    return "real scans" if own else "other real scans"


def _found(name: str, results: Path | None) -> tuple[Experiment, list[Record]]:
    """Read a paper and its records, which must be of its rows."""
    if results is not None and not results.is_dir():
        raise InputError(f"{results}: expected a folder, got none. See --results.")
    experiment = load(name)
    records = read_records(results / name if results else results_folder(name))
    for record in records:
        rows = experiment.rows.get(record.table, {})
        if record.paper != name or record.row not in rows:
            raise InputError(
                f"{record.file}: expected a row of {name}, got {record.paper} "
                f"{record.table}/{record.row}. Remove the record."
            )
    return experiment, records


def main() -> None:
    """Print the papers that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", help="all papers if not given")
    parser.add_argument("--results", type=Path, help="as --out of experiments.run")
    args = parser.parse_args()
    with told_in_one_line():
        found = {name: _found(name, args.results) for name in args.name or NAMES}
    print("# Claimed and obtained\n")
    print(f"{LEGEND}\n")
    print("| paper | figures claimed | beside them stands |\n| --- | --- | --- |")
    print("\n".join(summary(*told) for told in found.values()))
    for told in found.values():
        print(f"\n{table_of(*told)}")


if __name__ == "__main__":
    main()
