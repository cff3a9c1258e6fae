"""What can be chosen for scoring a folder, and what came of it."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from hierclf.networks.choices import RuntimeChoice


class ScoreOptions(BaseModel):
    """A bundle, a folder of scans, and where the rows go."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    bundle: Path = Field(description="folder of the bundle")
    input: Path = Field(description="folder of scans, with its subfolders")
    out: Path = Field(description="CSV file to write")
    resume: bool = Field(
        False, description="go on with an unfinished file, or add scans that are new"
    )
    overwrite: bool = Field(False, description="replace what is there")
    batch_size: int = Field(32, ge=1, le=4096, description="scans scored at a time")
    threads: int | None = Field(
        None, ge=1, le=256, description="threads that compute; the cores if not given"
    )
    runtime: RuntimeChoice = Field(
        "eager",
        description="what runs the networks: eager (torch), openvino, onnxruntime, "
        "compiled, or auto: the fastest here that agrees with eager",
    )


class ScoreSummary(BaseModel):
    """What came of a folder.

    Parameters
    ----------
    n_ok : int
        Scans with a score in the file.
    n_failed : dict of str to int
        Scans without one, by code.
    n_actions : dict of str to int
        Scans by what the guards of the bundle say to do with them; empty without any.
    n_whole : int
        Scans in which no lungs were found, where they are cut out: seen whole.
    n_earlier : int
        Rows among these that an earlier run had written.
    digest : str
        Of the bundle, 64 hexadecimal digits.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    n_ok: int
    n_failed: dict[str, int]
    n_actions: dict[str, int] = Field(default_factory=dict)
    n_whole: int = 0
    n_earlier: int
    digest: str

    @property
    def exit_code(self) -> int:
        """0 if every scan has a score, else 3."""
        return 3 if self.n_failed else 0
