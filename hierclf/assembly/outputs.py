"""The folder of a run, and what is said at its end."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hierclf.assembly.scans import RunData
from hierclf.bundle.description import describe
from hierclf.bundle.info import BundleInfo, DataSummary
from hierclf.cascade.guards import Guards
from hierclf.cascade.hierarchical import HierarchicalClassifier
from hierclf.config.commands import TrainOptions
from hierclf.foundation.counting import count
from hierclf.foundation.errors import InputError
from hierclf.foundation.files import explain_os_error, locked, read_json, write_json
from hierclf.results.comparison import ComparisonFigures
from hierclf.results.guards import GuardFigures
from hierclf.results.metric_words import metric_of
from hierclf.results.run import RunResults
from hierclf.results.wording import judged, p_value, views_text

PLAN = "plan.json"
_LOCK = ".lock"
_FREE = {
    *("overwrite", "resume", "threads", "out", "cache"),
    *("subgroups", "pictured"),
}
"""Options that change nothing that is fitted."""


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

    @classmethod
    @contextlib.contextmanager
    def begin(
        cls,
        folder: Path,
        options: TrainOptions,
        tools: dict[str, str],
        fingerprint: str,
    ) -> Iterator[Run]:
        """Write the plan, before the first scan is read, and lock the folder.

        Parameters
        ----------
        folder : Path
            Where the run goes.
        options : TrainOptions
            All of them, resolved.
        tools : dict of str to str
            Versions.
        fingerprint : str
            Of the scans, their labels, patients and given splits.

        Yields
        ------
        run : Run
            With ``plan.json`` in its folder; no other run gets in.

        Raises
        ------
        InputError
            If the folder exists and neither ``resume`` nor ``overwrite`` is set,
            or it holds a run of another plan or other scans.
        ResourceError
            If it cannot be written, or another run is in it.
        """
        told = options.model_dump(mode="json")
        plan = {"options": told, "versions": tools, "fingerprint": fingerprint}
        _check_old(folder, plan, options)
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise explain_os_error(f"make {folder}", error) from error
        with locked(folder / _LOCK):
            _check_old(folder, plan, options)  # another run may just have ended
            if options.overwrite and not options.resume:
                _empty(folder)
            write_json(folder / PLAN, plan)
            yield cls(folder)


def _empty(folder: Path) -> None:
    for item in folder.iterdir():
        if item.name != _LOCK:
            shutil.rmtree(item) if item.is_dir() else item.unlink()


def _holds_more(folder: Path) -> bool:
    """Tell whether there is more than a run leaves that never got to its scans."""
    names = {item.name for item in folder.iterdir()} if folder.exists() else set()
    return bool(names - {PLAN, _LOCK})


def _check_old(folder: Path, plan: dict[str, Any], options: TrainOptions) -> None:
    if not _holds_more(folder) and not (folder / PLAN).exists():
        return
    if options.resume:
        old = read_json(folder / PLAN) if (folder / PLAN).exists() else {}
        before, now = (_binding(told) for told in (old, plan))
        changed = sorted(k for k in now if before.get(k) != now[k])
        if changed:
            name = changed[0]
            raise InputError(
                f"{folder}: expected a run with the same options, got {name} "
                f"{now[name]!r} instead of {before.get(name)!r}. Choose another --out, "
                "or --overwrite."
            )
        if old.get("fingerprint") != plan["fingerprint"]:
            raise InputError(
                f"{folder}: expected the scans, labels and patients that the run began "
                "with, got others. Choose another --out, or --overwrite."
            )
        return
    if not _holds_more(folder):
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


def _binding(plan: dict[str, Any]) -> dict[str, Any]:
    """Keep the options that change the result, those of networks one by one."""
    options = plan.get("options", {})
    kept = {key: value for key, value in options.items() if key not in _FREE}
    network = kept.pop("network", None) or {}
    return kept | {f"network.{key}": value for key, value in network.items()}


def keep_apart(out: Path, **others: Path | None) -> None:
    """Refuse to write where reading goes on.

    Parameters
    ----------
    out : Path
        What is to be written.
    **others : Path or None
        What is read, by the name of its option.

    Raises
    ------
    InputError
        If `out` is, holds or lies in one of them. A folder with a
        ``manifest.csv`` may hold it: no more than its rows are read.
    """
    here = out.resolve()
    for name, other in others.items():
        if other is None:
            continue
        there = other.resolve()
        inside = there in here.parents and not (there / "manifest.csv").is_file()
        if inside or here == there or here in there.parents:
            raise InputError(
                f"out: expected a place apart from --{name} ({other}), got {out}. "
                "Choose another."
            )


def weights_place(weights: str) -> Path | None:
    """Give the place that an option ``weights`` names; None for a word."""
    return None if weights in ("imagenet", "none") else Path(weights)


def bundle_info(
    cascade: HierarchicalClassifier,
    guards: Guards,
    data: RunData,
    fitted_on: NDArray[np.intp],
    options: TrainOptions,
    card: Mapping[str, str] = MappingProxyType({}),
) -> BundleInfo:
    """Describe a cascade for its bundle.

    Parameters
    ----------
    cascade : HierarchicalClassifier
        Fitted.
    guards : Guards
        Fitted with it.
    data : RunData
        What the run read.
    fitted_on : ndarray of int, shape (n_fitted,)
        Rows that the cascade was fitted on.
    options : TrainOptions
        Of the run; those that only name folders are left out.
    card : mapping of str to str, optional
        What the model card says of its figures.

    Returns
    -------
    info : BundleInfo
        As of now.
    """
    manifest = data.manifest.iloc[fitted_on]
    counts = manifest["label"].value_counts()
    summary = DataSummary(
        name=data.name,
        fingerprint=data.dataset.fingerprint,
        n_scans=len(manifest),
        n_patients=int(manifest["patient_id"].nunique()),
        phantom=data.phantom,
        counts={str(label): int(n) for label, n in counts.items()},
        digests=tuple(sorted({data.digests[row] for row in fitted_on})),
    )
    told = _without_places(options)
    return describe(
        cascade, guards, data=summary, seed=options.seed, options=told, card=card
    )


def _without_places(options: TrainOptions) -> dict[str, Any]:
    """Leave out what names folders: a path tells something of a user."""
    places = {"data", "lungs", "splits"}
    told = options.model_dump(mode="json", exclude=_FREE | places)
    for part in (told["network"], told["screen"], told["refine"]):
        part.pop("weights_dir", None)
        if "weights" in part and weights_place(part["weights"]):
            part["weights"] = "file"
    return told


def print_results(folder: Path, results: RunResults) -> None:
    """Print the table of models, and where to look."""
    word = " (phantom)" if results.data.phantom else ""
    main = results.models[results.main]
    scans, patients = count(main.n_scans, "scan"), count(main.n_patients, "patient")
    lines = [f"macro recall{word}, {scans} of {patients}:"]
    width = max(map(len, results.models)) + 2
    for name, model in results.models.items():
        lines.append(f"  {name:<{width}}{_interval(model.metrics['macro_recall'])}")
    if results.selected:
        held = results.selection[results.selected].value
        by = metric_of(results.selected_by).title.lower()
        lines.append(
            f"the cascade is {results.selected!r}, chosen of {len(results.selection)} "
            f"candidates by the {by} on held-out training scans ({held:.3f})"
        )
    lines.append(f"screen AUC{word}: {_interval(main.metrics['screen_auc'])}")
    if results.threshold is not None:
        lines.append(f"cut point: {results.threshold:.3g}")
    lines.extend(_guarded(results.guards, word))
    lines.extend(_compared(results.comparison, word))
    if results.views is not None:
        lines.append(views_text(results.views))
    lines += [one for one in results.data.remarks if one.startswith("severe")]
    lines.append(f"report: {folder / 'report.html'}")
    print("\n".join(lines))  # noqa: T201


def _guarded(figures: GuardFigures | None, word: str) -> list[str]:
    """Say what was marked, and what goes to a reader."""
    told = []
    if figures is not None and figures.gate is not None:
        told.append(
            f"out of scope{word}: {_interval(figures.gate.marked)} of the scans"
        )
    if figures is not None and figures.deferral is not None:
        found = figures.deferral
        passed = f"{_interval(found.passed)} of the decisions pass"
        wrong = f", of these {_interval(found.error)} are wrong"
        if not found.passed.value:
            wrong = ": the model is too weak for the promise"
        told.append(f"to a reader by {found.rule}{word}: {passed}{wrong}")
    return told


def _compared(c: ComparisonFigures | None, word: str) -> list[str]:
    if c is None:
        return []
    width = max(len(bundle.name) for bundle in c.bundles) + 2
    lines = [f"each bundle on these scans{word}: macro recall, screen AUC, cut point"]
    for bundle in c.bundles:
        told = [
            _interval(bundle.metrics.get(m)) for m in ("macro_recall", "screen_auc")
        ]
        cut = f"{bundle.cut_point:.3g}"
        lines.append(f"  {bundle.name:<{width}}{'  '.join([*told, cut])}")
    for bundle in c.bundles[1:]:
        lines.append(f"{bundle.name} minus {c.baseline}{word}:")
        lines.extend(_differences(c, bundle.name))
    return [*lines, f"{len(c.differences)} differences, none widened for their number"]


def _differences(c: ComparisonFigures, name: str) -> list[str]:
    """Write a line for each figure: difference, interval, what it allows to say."""
    told = {
        d.metric: f"{_gain(d.difference)}  {judged(d, c.margin)}"
        for d in c.differences
        if d.model == name
    }
    for area in c.areas:
        if area.model == name:
            words = f"{_gain(area.difference)}  p {p_value(area.p_value)}"
            told["auc by DeLong"] = words
    told |= {
        f"{one.figure}, scans": f"{count(one.model_only, 'scan')} right that the "
        f"baseline has wrong, {one.baseline_only} the other way; by patient, p "
        f"{p_value(one.by_patient.exact)}"
        for one in c.discordances
        if one.model == name
    }
    return [f"  {figure:<20}{words}" for figure, words in told.items()]


def _gain(estimate: Any) -> str:
    if estimate.value is None or estimate.low is None:
        return "undefined"
    return f"{estimate.value:+.3f} [{estimate.low:+.3f}, {estimate.high:+.3f}]"


def _interval(estimate: Any) -> str:
    if estimate is None or estimate.value is None or estimate.low is None:
        return "undefined"
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"
