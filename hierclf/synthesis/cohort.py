"""A folder of phantoms: scans, masks, manifest."""

from __future__ import annotations

import contextlib
import csv
import io
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Literal

import joblib
import numpy as np
from PIL import Image
from pydantic import BaseModel, ConfigDict, Field

import hierclf
from hierclf.foundation.errors import ResourceError
from hierclf.foundation.files import new_folder, write_json, write_text
from hierclf.foundation.seeding import generator
from hierclf.synthesis.anatomy import Bools, Floats
from hierclf.synthesis.dicom import write_dicom
from hierclf.synthesis.roster import Entry, count_scans, make_roster
from hierclf.synthesis.scan import draw_scan

COLUMNS = ("path", "label", "patient_id", "lesion_mask", "lung_mask")
"""Columns of ``manifest.csv``; paths are relative to its folder."""

_SCANS_WORTH_A_PROCESS = 60
_PNG_EFFORT = 3


class PhantomOptions(BaseModel):
    """What kind of cohort is made, and where."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    out: Path = Field(description="folder to make; it must not exist")
    cases: int = Field(900, ge=8, le=1_000_000, description="how many scans")
    seed: int = Field(0, ge=0, description="the same seed draws the same phantoms")
    size: int = Field(256, ge=64, le=2048, description="side of a scan in pixels")
    balanced: bool = Field(
        False, description="as many scans of each stage, not 4 : 32 : 5 : 1"
    )
    format: Literal["png", "dicom"] = Field("png", description="file format of scans")
    overwrite: bool = Field(False, description="replace the folder if it exists")
    workers: int | None = Field(
        None, ge=1, description="processes that draw; one per core by default"
    )


def make_cohort(
    options: PhantomOptions,
    progress: Callable[[Iterable[int]], Iterable[int]] | None = None,
) -> Path:
    """Draw a cohort and write it to a new folder, whole or not at all.

    The folder holds ``scans/<label>/``, ``masks/``, ``manifest.csv`` and
    ``cohort.json``. Its bytes depend on seed, cases, size, balance and format
    only, not on the number of workers.

    Parameters
    ----------
    options : PhantomOptions
        What to make.
    progress : callable, optional
        Wraps the iterable of scan numbers, as ``Progress`` does.

    Returns
    -------
    folder : Path
        ``options.out``.

    Raises
    ------
    InputError
        If the folder exists and `options.overwrite` is off.
    ResourceError
        If the disk is full, the folder may not be written, or a worker died.
    """
    roster = make_roster(options.cases, seed=options.seed, balanced=options.balanced)
    numbers: Iterable[int] = range(len(roster))
    with new_folder(
        options.out, overwrite=options.overwrite, mark="cohort.json"
    ) as folder:
        for entry in roster:
            (folder / "scans" / entry.stage).mkdir(parents=True, exist_ok=True)
        (folder / "masks").mkdir()
        with _drawn(options, folder, roster) as drawn:
            rows = [next(drawn) for _ in (progress(numbers) if progress else numbers)]
        write_text(folder / "manifest.csv", _as_csv(rows))
        write_json(folder / "cohort.json", _describe(options))
    return options.out


@contextlib.contextmanager
def _drawn(
    options: PhantomOptions, folder: Path, roster: list[Entry]
) -> Iterator[Iterator[dict[str, str]]]:
    """Draw in several processes; yields rows of the manifest in the roster's order."""
    useful = -(-len(roster) // _SCANS_WORTH_A_PROCESS)
    workers = options.workers or min(joblib.cpu_count(), useful)
    tasks = (joblib.delayed(_write_scan)(options, folder, entry) for entry in roster)
    rows = joblib.Parallel(n_jobs=workers, return_as="generator")(tasks)
    try:
        yield rows
    except BrokenProcessPool as error:
        raise ResourceError(
            f"phantom: expected {workers} workers to stay alive, got one that died. "
            "Free some memory or take fewer --workers."
        ) from error
    finally:
        with warnings.catch_warnings():  # joblib counts what an interrupt discards
            warnings.filterwarnings("ignore", r"\d+ tasks", UserWarning)
            rows.close()


def _write_scan(options: PhantomOptions, folder: Path, entry: Entry) -> dict[str, str]:
    """Draw one scan, write its three files, return its row of the manifest."""
    number = {"seed": options.seed, "patient": entry.patient, "scan": entry.scan}
    drawing = draw_scan(entry.stage, **number, size=options.size)
    row = _row(entry, "png" if options.format == "png" else "dcm")
    if options.format == "png":
        _write_png(folder / row["path"], drawing.image)
    else:
        names = ("phantom", entry.patient, "dicom", entry.scan)
        rng = generator(options.seed, *names)
        write_dicom(folder / row["path"], drawing.image, row["patient_id"], rng)
    _write_png(folder / row["lesion_mask"], drawing.lesion_mask)
    _write_png(folder / row["lung_mask"], drawing.lung_mask)
    return row


def _row(entry: Entry, suffix: str) -> dict[str, str]:
    patient_id = f"P{entry.patient:05d}"
    name = f"{patient_id}_{entry.scan}"
    return {
        "path": f"scans/{entry.stage}/{name}.{suffix}",
        "label": entry.stage,
        "patient_id": patient_id,
        "lesion_mask": f"masks/{name}_lesion.png",
        "lung_mask": f"masks/{name}_lung.png",
    }


def _write_png(path: Path, values: Floats | Bools) -> None:
    """Write values of [0, 1] as 8-bit gray."""
    gray = np.rint(values * np.float32(255)).astype(np.uint8)
    Image.fromarray(gray).save(path, compress_level=_PNG_EFFORT)


def _as_csv(rows: list[dict[str, str]]) -> str:
    stream = io.StringIO()
    writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _describe(options: PhantomOptions) -> dict[str, object]:
    """Say how the folder was made, without what leaves its bytes alone."""
    counts = count_scans(options.cases, balanced=options.balanced)
    chosen = options.model_dump(mode="json", exclude={"out", "overwrite", "workers"})
    return {
        "kind": "phantom",
        "note": "Synthetic chest radiographs; no picture shows a patient.",
        "version": hierclf.__version__,
        "options": chosen,
        "counts": counts,
    }
