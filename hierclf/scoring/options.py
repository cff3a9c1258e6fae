"""What can be chosen for scoring a folder, and what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from hierclf.foundation.counting import count
from hierclf.foundation.errors import InputError
from hierclf.networks.machine import MachineOptions
from hierclf.scoring.shards import Shard, parse_shard


def _shard(value: object) -> object:
    return parse_shard(value) if isinstance(value, str) else value


def check_name(out: Path) -> None:
    """Stop if a file of rows has the name of something else, such as a scan.

    Parameters
    ----------
    out : Path
        Where rows are to be written.

    Raises
    ------
    InputError
        If it does not end in ``.csv``.
    """
    if out.suffix.lower() != ".csv":
        raise InputError(
            f"out: expected a name that ends in .csv, got {out.name!r}. "
            "Rows are written as CSV."
        )


class ScoreOptions(MachineOptions):
    """A bundle, a folder of scans, and where the rows go."""

    bundle: Path = Field(description="folder of the bundle")
    input: Path = Field(description="folder of scans, with its subfolders")
    out: Path = Field(description="CSV file to write")
    resume: bool = Field(
        False, description="go on with an unfinished file, or add scans that are new"
    )
    overwrite: bool = Field(False, description="replace what is there")
    refine: Literal["all", "diseased"] = Field(
        "all",
        description="which scans get probabilities of stages: all, or those that the "
        "screen calls diseased. Networks of the refinement then do less work, where "
        "they are not those of the screen and few scans are diseased",
    )
    batch_size: int = Field(32, ge=1, le=4096, description="scans scored at a time")
    shard: Annotated[Shard | None, BeforeValidator(_shard)] = Field(
        None,
        description="K/N: the K-th of N parts of the folder only, written beside --out "
        "as NAME.K-of-N.csv; hierclf merge puts the parts together",
    )
    engine: Literal["local", "ray"] = Field(
        "local", description="this process, or a Ray cluster (pip install hierclf[ray])"
    )
    ray_address: str | None = Field(
        None,
        min_length=1,
        description="cluster to use, such as HOST:6379 or auto; one on this machine "
        "if not given. Its machines must see --bundle and --input at the same places",
    )

    @model_validator(mode="after")
    def _address_is_used(self) -> ScoreOptions:
        if self.ray_address is not None and self.engine != "ray":
            raise ValueError(
                "ray_address: expected --engine ray beside it, got local. Add it, or "
                "leave the address out."
            )
        return self

    @property
    def target(self) -> Path:
        """The file that is written: `out`, or that of the shard."""
        return self.out if self.shard is None else self.shard.file_of(self.out)


class MergeOptions(BaseModel):
    """Where the rows of all shards are to stand together."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    out: Path = Field(
        description="CSV file to write; the shards NAME.K-of-N.csv lie beside it"
    )
    overwrite: bool = Field(False, description="replace what is there")


class RowSummary(BaseModel):
    """How many rows of a file have a score.

    Parameters
    ----------
    n_ok : int
        Scans with a score.
    n_failed : dict of str to int
        Scans without one, by code, in the order of the codes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_ok: int
    n_failed: dict[str, int]

    @property
    def exit_code(self) -> int:
        """0 if every scan has a score, else 3."""
        return 3 if self.n_failed else 0

    def __str__(self) -> str:
        """Say it in words."""
        codes = ", ".join(f"{code} {n}" for code, n in self.n_failed.items())
        n_failed = sum(self.n_failed.values())
        told = f"{count(self.n_ok, 'scan')} scored, {n_failed} without a score"
        return f"{told} ({codes})" if codes else told


class MergeSummary(RowSummary):
    """What came of shards.

    Parameters
    ----------
    n_shards : int
        How many there were.
    """

    n_shards: int


class ScoreSummary(RowSummary):
    """What came of a folder; the rows are those of the file, of earlier runs too.

    Parameters
    ----------
    n_actions : dict of str to int
        Scans by what the guards of the bundle say to do with them; empty without any.
    n_whole : int
        Scans in which no lungs were found, where they are cut out: seen whole.
    n_earlier : int
        Rows among these that an earlier run had written.
    digest : str
        Of the bundle, 64 hexadecimal digits.
    """

    n_actions: dict[str, int] = Field(default_factory=dict)
    n_whole: int = 0
    n_earlier: int
    digest: str
