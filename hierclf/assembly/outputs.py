"""The folder of a run, and what is said at its end."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hierclf.assembly.scans import RunData
from hierclf.bundle.info import BundleInfo, DataSummary, describe
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.config import TrainOptions
from hierclf.foundation.errors import InputError
from hierclf.foundation.files import explain_os_error, locked, read_json, write_json
from hierclf.reporting.results import RunResults

PLAN = "plan.json"
_FREE = {"overwrite", "resume", "threads", "out", "cache"}


@dataclass(frozen=True)
class Run:
    """The folder that a run fills.

    Parameters
    ----------
    folder : Path
        It exists.
    """

    folder: Path

    def path(self, name: str) -> Path:
        """Place of one of its files."""
        return self.folder / name

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep a second run out of the folder."""
        with locked(self.folder / ".lock"):
            yield

    @classmethod
    def begin(cls, folder: Path, options: TrainOptions, tools: dict[str, str]) -> Run:
        """Write the plan, before the first image is read.

        Parameters
        ----------
        folder : Path
            Where the run goes.
        options : TrainOptions
            All of them, resolved.
        tools : dict of str to str
            Versions.

        Returns
        -------
        run : Run
            With ``plan.json`` in its folder.

        Raises
        ------
        InputError
            If the folder exists and neither ``resume`` nor ``overwrite`` is set,
            or it holds a run of another plan.
        ResourceError
            If it cannot be written.
        """
        plan = {"options": options.model_dump(mode="json"), "versions": tools}
        if folder.exists() and any(folder.iterdir()):
            _check_old(folder, plan, options)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise explain_os_error(f"make {folder}", error) from error
        write_json(folder / PLAN, plan)
        return cls(folder)


def _check_old(folder: Path, plan: dict[str, Any], options: TrainOptions) -> None:
    if options.resume:
        old = read_json(folder / PLAN) if (folder / PLAN).exists() else {}
        before, now = (_binding(told) for told in (old, plan))
        changed = sorted(k for k in now if before.get(k) != now[k])
        if changed:
            raise InputError(
                f"{folder}: expected a run with the same options, got another "
                f"{changed[0]!r}. Choose another --out, or --overwrite."
            )
        return
    if not options.overwrite:
        raise InputError(
            f"{folder}: expected a new or empty folder, got one with files. "
            "Choose another --out, or add --resume or --overwrite."
        )
    if not (folder / PLAN).exists():
        raise InputError(
            f"{folder}: expected the folder of a run to overwrite, got one without "
            f"{PLAN}. Choose another --out."
        )
    with locked(folder / ".lock"):
        for item in folder.iterdir():
            if item.name != ".lock":
                shutil.rmtree(item) if item.is_dir() else item.unlink()


def _binding(plan: dict[str, Any]) -> dict[str, Any]:
    """Keep the options that change the result."""
    options = plan.get("options", {})
    return {key: value for key, value in options.items() if key not in _FREE}


def bundle_info(
    cascade: HierarchicalClassifier, data: RunData, options: TrainOptions
) -> BundleInfo:
    """Describe a cascade for its bundle.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        Fitted.
    data : RunData
        What it was fitted on.
    options : TrainOptions
        Of the run; those that only name folders are left out.

    Returns
    -------
    info : BundleInfo
        As of now.
    """
    counts = data.manifest["label"].value_counts()
    summary = DataSummary(
        name=data.name,
        fingerprint=data.dataset.fingerprint,
        n_scans=len(data.manifest),
        n_patients=int(data.manifest["patient_id"].nunique()),
        phantom=data.phantom,
        counts={str(label): int(n) for label, n in counts.items()},
    )
    told = options.model_dump(mode="json", exclude=_FREE | {"data"})
    return describe(cascade, data=summary, seed=options.seed, options=told)


def print_results(folder: Path, results: RunResults) -> None:
    """Print the table of models, and where to look."""
    word = " (phantom)" if results.data.phantom else ""
    main = results.models[results.main]
    lines = [f"macro recall{word}, {main.n_scans} scans of {main.n_patients} patients:"]
    for name, model in results.models.items():
        lines.append(f"  {name:<22}{_interval(model.metrics['macro_recall'])}")
    lines.append(f"screen AUC{word}: {_interval(main.metrics['screen_auc'])}")
    if results.threshold is not None:
        lines.append(f"cut point: {results.threshold:.3g}")
    lines.append(f"report: {folder / 'report.html'}")
    print("\n".join(lines))  # noqa: T201


def _interval(estimate: Any) -> str:
    if estimate.value is None or estimate.low is None:
        return "undefined"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
