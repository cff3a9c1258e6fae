"""What came of one row, as a small JSON file that is kept."""

from __future__ import annotations

import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic import ConfigDict, Field, JsonValue, ValidationError, model_validator

from experiments.papers.figures import Figure
from experiments.papers.paper import HERE, PHANTOM, Strict, Variant
from hierclf.config.commands import TrainOptions
from hierclf.foundation.errors import InputError
from hierclf.foundation.files import read_json, write_json

_OF_THE_MACHINE = {
    *("data", "out", "cache", "threads", "splits", "overwrite", "resume", "lungs"),
}
UNKNOWN = "unknown"
"""In the place of a commit, where git knows none."""


class Record(Strict):
    """One row, run once on one set of scans.

    Parameters
    ----------
    paper, table, row : str
        Which row.
    variant : {"published", "lite0", "scratch"}
        As published, or what stood in.
    smoke : bool
        Whether it was a smoke run: it shows that the row runs.
    data : str
        Name of the set.
    fingerprint : str
        SHA-256 of its scans, labels and patients.
    phantom : bool
        Whether the scans are synthetic.
    n_scans, n_patients : int
        Of the whole set.
    protocol : str
        How the tested scans were kept apart.
    commit, seed, versions
        What it was made with.
    options : dict
        Of ``hierclf train``, where they are not the package's own.
    seconds : float
        Wall clock time of the run, shared by all rows that are read from it.
    figures : dict of str to Figure
        Each with its 95 % interval by patient.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    paper: str
    table: str
    row: str
    variant: Variant
    smoke: bool
    data: str
    fingerprint: str
    phantom: bool
    n_scans: int
    n_patients: int
    protocol: str
    commit: str = Field(min_length=1)
    seed: int
    versions: dict[str, str]
    options: dict[str, JsonValue]
    seconds: float
    figures: dict[str, Figure]

    @model_validator(mode="after")
    def _phantoms_are_called_so(self) -> Record:
        if self.data != "none" and self.phantom != (self.data == PHANTOM):
            raise ValueError(f"phantom is {self.phantom} of data {self.data!r}")
        return self

    @property
    def file(self) -> str:
        """Name of its file: one for each row, set, variant and seed; 0 is not told."""
        parts = [self.table, self.row, self.data, self.variant]
        parts += [f"seed{self.seed}"] if self.seed else []
        return ".".join([*parts, *(["smoke"] if self.smoke else []), "json"])


def write_record(folder: Path, record: Record) -> Path:
    """Write a record, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / record.file
    write_json(path, record.model_dump(mode="json"))
    return path


def results_folder(paper: str) -> Path:
    """Name the folder where the kept records of a paper lie."""
    return HERE / paper / "results"


def read_records(folder: Path) -> list[Record]:
    """Read all records of a folder, sorted by name; none where it is not there.

    Raises
    ------
    InputError
        If a file is none, or lies under the name of another.
    """
    return [_read(path) for path in sorted(folder.glob("*.json"))]


def _read(path: Path) -> Record:
    try:
        record = Record.model_validate(read_json(path))
    except (ValidationError, InputError) as error:
        told = " ".join(str(error).split())
        raise InputError(
            f"{path}: expected a record of experiments.run, got {told}. Remove the "
            "file, or run its row again."
        ) from error
    if record.file != path.name:
        raise InputError(
            f"{path}: expected the record of that name, got {record.file}. Remove it."
        )
    return record


@lru_cache(maxsize=1)
def made_by() -> str:
    """Give the commit when this process first asked: ask before anything is trained."""
    return commit()


def known_commit() -> str:
    """Give `made_by`, for what is not to be kept without it.

    Raises
    ------
    InputError
        If git does not know it.
    """
    made = made_by()
    if made == UNKNOWN:
        raise InputError(
            "commit: expected a checkout of git, got none that it knows. Figures that "
            "are kept name their commit; run them in a clone."
        )
    return made


def commit() -> str:
    """Describe the commit, ``-dirty`` where files differ from it, records left out."""
    others = ":(exclude,top,glob)experiments/*/results/**"
    name = _git("describe", "--always", "--exclude", "*")
    changed = _git("status", "--porcelain", "--untracked-files=no", "--", others)
    return f"{name}{'-dirty' if changed else ''}" if name else UNKNOWN


def _git(*told: str) -> str:
    """Ask git; '' where there is none."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed commands
            ["git", *told],  # noqa: S607 - whichever git there is
            cwd=HERE,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError:
        return ""
    return done.stdout.strip()


def chosen_options(options: TrainOptions) -> dict[str, Any]:
    """Keep what was chosen, without the places of this machine."""
    nothing = TrainOptions.model_validate({"data": ".", "out": ".", "healthy": ""})
    told, own = (
        one.model_dump(mode="json", exclude=_OF_THE_MACHINE)
        for one in (options, nothing)
    )
    return unusual(told, own)


def unusual(options: Any, defaults: Any) -> dict[str, Any]:
    """Keep the options that are not the package's own.

    Examples
    --------
    >>> unusual({"a": 1, "b": {"c": 2, "d": 3}}, {"a": 1, "b": {"c": 0, "d": 3}})
    {'b': {'c': 2}}
    """
    kept = {}
    for name, value in options.items():
        default = defaults.get(name)
        if isinstance(value, dict) and isinstance(default, dict):
            if inner := unusual(value, default):
                kept[name] = inner
        elif value != default:
            kept[name] = value
    return kept
