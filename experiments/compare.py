"""Claimed against obtained, as Markdown.

``python -m experiments.compare [NAME ...] [--results DIR]`` reads the records that
``experiments.run`` wrote. Every figure that a source claims has a line, whether there
is a record or not.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from experiments.console import told_in_one_line
from experiments.papers.chance import without_skill
from experiments.papers.figures import Figure
from experiments.papers.paper import NAMES, Claim, Claims, Experiment, load
from experiments.papers.records import Record, read_records, results_folder
from experiments.papers.standing import KINDS, best, disagreeing, kind_of, run_of
from hierclf.foundation.errors import InputError

HEAD = (
    *("table", "row", "figure", "claimed", "obtained [95 %]", "without skill"),
    *("data", "variant", "run"),
)
LEGEND = """\
Intervals are of 95 %, by patient. *Without skill*: what naming one class for every
scan gets, for an area a half. *published*: the row as its source has it. Stand-ins for
its network: *lite0*, on EfficientNet-Lite0, whose ImageNet weights are installed, and
*scratch*, the named network from random weights, smaller and shorter. A phantom is a
synthetic radiograph: its figures say nothing about patients. A *smoke run* is a hundred
tiny phantoms and one epoch: it says that the row runs, and nothing else; its figures
are left out, and it stands only where there is nothing better. *run* numbers the runs
of a paper, and names the row whose figure a line repeats: rows that differ by their
network alone share one lite0 run, so that theirs is one figure, not several.

Each claim is counted once, for what says most of it; in brackets from how many runs. A
set is the source's by its name: another part of it may have been tested."""
HOSMER_LEMESHOW = """\
Hosmer-Lemeshow: its p says how often true probabilities would give so large a
chi-square by chance; of many scans it rejects any tiny miscalibration, of few it lets a
large one pass, and it says neither how far scores are off nor how well they tell
classes apart."""
_COUNTS = {"n_tested", "false_negatives", "parameters", "parameters_fixed"}
_DIGITS = {"cut_point": 2, "chi_square": 1, "settled_epoch": 0}


@dataclass
class _Runs:
    """Numbers of runs in the order of the lines, and where each figure stood first."""

    numbers: dict[str, int] = field(default_factory=dict)
    first: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def tell(self, experiment: Experiment, record: Record, key: str) -> str:
        run = run_of(experiment, record)
        number = self.numbers.setdefault(run, len(self.numbers) + 1)
        place = f"{record.table}/{record.row}"
        figure = run, str(record.options.get("reads")), key
        first = self.first.setdefault(figure, place)
        return str(number) if first == place else f"{number}, as {first}"


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
    if any("chi_square" in claims.figures.values() for claims in paper.tables.values()):
        notes.append(f"- {' '.join(HOSMER_LEMESHOW.split())}")
    if notes:
        told.append("\n".join(notes))
    return "\n\n".join(told)


def _row(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"


def _lines(experiment: Experiment, records: list[Record]) -> Iterator[tuple[str, ...]]:
    """Give the cells of each table: every claimed figure, then rows of our own."""
    runs = _Runs()
    for table, claims in experiment.paper.tables.items():
        for place, row, word, key, claim in experiment.paper.claims():
            if place == table:
                start = (table, _name(experiment, table, row), word)
                told = (*start, claimed(claims, claim))
                mine = _of(records, table, row)
                yield from _obtained(experiment, mine, key, claims.unit, told, runs)
        for row in experiment.rows[table]:
            if not experiment.claimed(table, row):
                for word, key in experiment.figures(table, row).items():
                    told = (table, _name(experiment, table, row), word, "-")
                    mine = _of(records, table, row)
                    yield from _obtained(experiment, mine, key, claims.unit, told, runs)


def _of(records: list[Record], table: str, row: str) -> list[Record]:
    return [one for one in records if (one.table, one.row) == (table, row)]


def _obtained(
    experiment: Experiment,
    records: list[Record],
    key: str,
    unit: str,
    told: tuple[str, ...],
    runs: _Runs,
) -> Iterator[tuple[str, ...]]:
    if not records:
        yield (*told, "not run here", *("-",) * 4)
    for record in best(experiment, records):
        where, run = _data(experiment, record), runs.tell(experiment, record, key)
        seed = f", seed {record.seed}" if record.seed else ""
        variant = f"{record.variant}{', cut down' if record.smoke else ''}{seed}"
        figure = record.figures.get(key)
        if record.smoke:
            known = figure is not None and figure["value"] is not None
            value, chance = "ran" if known else "ran, undefined", None
        else:
            chance = without_skill(record.figures, key)
            value = _value(figure, key, unit) + _p_of(record, key)
        yield (*told, value, _number(chance, key, unit), where, variant, run)


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


def _data(experiment: Experiment, record: Record) -> str:
    if record.data == "none":
        return "no scans"
    if record.smoke:
        return f"{record.data}, smoke run"
    kind = kind_of(experiment, record)
    apart = f" ({KINDS[kind]})" if kind in {"kin", "other"} else ""
    tested = record.figures.get("n_tested", {}).get("value")
    some = f"{int(tested)} tested of " if tested and tested < record.n_scans else ""
    return f"{record.data}{apart}, {some}{record.n_scans} scans"


def _value(figure: Figure | None, key: str, unit: str) -> str:
    if figure is None or figure["value"] is None:
        return "undefined"
    shown = [figure[name] for name in ("value", "low", "high") if name in figure]
    text = [_number(one, key, unit) for one in shown]
    return text[0] if len(text) < 3 else f"{text[0]} [{text[1]}, {text[2]}]"


def _p_of(record: Record, key: str) -> str:
    p = record.figures.get("chi_square_p", {}).get("value")
    if key != "chi_square" or p is None:
        return ""
    return ", p < 0.001" if p < 0.001 else f", p = {p:.3f}"


def _number(value: float | int | None, key: str, unit: str) -> str:
    if value is None:
        return "-"
    if key in _COUNTS:
        return str(int(value))
    if key in _DIGITS or key.startswith("weight"):
        return f"{value:.{_DIGITS.get(key, 1)}f}"
    return f"{100 * value:.1f}" if unit == "percent" else f"{value:.3f}"


def heads() -> str:
    """Print the heads of the summary, which `summary` gives a line for each paper."""
    cells = ("paper", "figures claimed", *KINDS.values(), "not run", "distinct runs")
    return f"{_row(cells)}\n{_row(('---',) * len(cells))}"


def summary(experiment: Experiment, records: list[Record]) -> str:
    """Count the claims, what stands beside them, and from how many runs."""
    counts: defaultdict[str, int] = defaultdict(int)
    runs: defaultdict[str, set[str]] = defaultdict(set)
    for table, row, *_ in experiment.paper.claims():
        mine = best(experiment, _of(records, table, row))
        kind = kind_of(experiment, mine[0]) if mine else "nothing"
        counts[kind] += 1
        runs[kind] |= {run_of(experiment, one) for one in mine[:1]}
    kinds = [
        f"{counts[kind]} ({len(runs[kind])})" if counts[kind] else "-" for kind in KINDS
    ]
    ends = (str(counts["nothing"] or "-"), str(len(set().union(*runs.values()))))
    return _row((experiment.paper.name, str(sum(counts.values())), *kinds, *ends))


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
    print(heads())
    print("\n".join(summary(*told) for told in found.values()))
    for line in disagreeing(found.values()):
        print(f"\n**{line}**")
    for told in found.values():
        print(f"\n{table_of(*told)}")


if __name__ == "__main__":
    main()
