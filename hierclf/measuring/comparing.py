"""Bundles on the same scans: asked one after another, compared with the first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from hierclf.assembly.scans import RunData, tell
from hierclf.assembly.trained import bundle_remarks, decide, known_scans, open_bundle
from hierclf.bundle.store import Bundle
from hierclf.cascade.decisions import Decisions
from hierclf.cascade.weighting import unweighted
from hierclf.config.commands import EvaluateOptions
from hierclf.evaluation.comparison import COMPARED, against_first
from hierclf.evaluation.delong import area_differences
from hierclf.evaluation.mcnemar import discordances
from hierclf.features.readers import readers_of
from hierclf.foundation.errors import InputError
from hierclf.inference.runtimes import current_runtime, set_runtime
from hierclf.measuring.figures import Assessor
from hierclf.results.comparison import ComparedBundle, ComparisonFigures
from hierclf.training.estimator import NetworkClassifier


@dataclass(frozen=True)
class Contender:
    """What one bundle said, without its weights.

    Parameters
    ----------
    name : str
        Unlike those of the others.
    digest : str
        Of the bundle.
    trained_on, looks : str
        Its data; what its screen sees and what runs it, in words.
    cut_point : float
        Its own.
    said : Decisions
        On the scans of the comparison.
    known : ndarray of bool, shape (n_scans,)
        Scans that it was trained on.
    remarks : tuple of str
        What a reader must know of it and the scans.
    """

    name: str
    digest: str
    trained_on: str
    looks: str
    cut_point: float
    said: Decisions
    known: NDArray[np.bool_]
    remarks: tuple[str, ...]


def contend(
    first: Bundle, said: Decisions, scans: RunData, options: EvaluateOptions
) -> tuple[Contender, ...]:
    """Ask the other bundles about the scans of the first.

    Parameters
    ----------
    first : Bundle
        The baseline, which read the scans.
    said : Decisions
        Of the baseline.
    scans : RunData
        Scans that it could read.
    options : EvaluateOptions
        Which other bundles.

    Returns
    -------
    contenders : tuple of Contender
        In the order of the options; empty where there is no other bundle. One is in
        memory at a time, beside the first.

    Raises
    ------
    InputError
        If another bundle has other labels, or reads no scans.
    """
    if len(options.bundle) < 2:
        return ()
    names = short_names(options.bundle)
    found = [_contender(names[0], first, said, scans)]
    runtime = current_runtime()
    for name, folder in zip(names[1:], options.bundle[1:], strict=True):
        bundle = open_bundle(folder, options)  # it may have a runtime of its own
        _check_alike(names[0], first, name, bundle)
        found.append(_contender(name, bundle, decide(bundle, scans), scans))
        tell(found[-1].remarks)
    set_runtime(runtime)
    return tuple(found)


def _check_alike(baseline: str, first: Bundle, name: str, bundle: Bundle) -> None:
    ours, theirs = (one.cascade.hierarchy_.labels for one in (first, bundle))
    if ours != theirs:
        told, other = (", ".join(map(str, labels)) for labels in (ours, theirs))
        raise InputError(
            f"bundle {name}: expected the labels of {baseline} ({told}), healthy first "
            f"and in this order, got {other}. Compare bundles of the same question."
        )
    if not readers_of(bundle.cascade.screen_):
        raise InputError(
            f"bundle {name}: expected stages that read scans, got ones for tables of "
            "numbers. Use a bundle that hierclf train made."
        )


def _contender(name: str, bundle: Bundle, said: Decisions, scans: RunData) -> Contender:
    return Contender(
        name=name,
        digest=bundle.digest,
        trained_on=bundle.info.data.name,
        looks=f"{looks_in_words(bundle)}; run by {current_runtime()}",
        cut_point=float(bundle.cascade.cut_point_),
        said=said,
        known=known_scans(bundle, scans),
        remarks=bundle_remarks(bundle, scans, name),
    )


def looks_in_words(bundle: Bundle) -> str:
    """Say what the screen of a bundle sees of a scan.

    Parameters
    ----------
    bundle : Bundle
        With stages that read scans.

    Returns
    -------
    words : str
        Network, views and size, of each network that it asks.
    """
    told = []
    for reader in readers_of(unweighted(bundle.cascade.screen_)):
        network = reader if isinstance(reader, NetworkClassifier) else None
        seen = (network or reader.given_network()).resolved_options()
        told.append(f"{seen.backbone}, {seen.views} view of {seen.image_size} px")
    words = "; ".join(dict.fromkeys(told))
    return words if bundle.lungs is None else f"{words}; lungs cut out"


def short_names(folders: Sequence[Path]) -> tuple[str, ...]:
    """Name folders by the ends of their paths that tell them apart.

    Parameters
    ----------
    folders : sequence of Path
        Different folders.

    Returns
    -------
    names : tuple of str
        Without parts at the end that all of them share, such as ``bundle``.

    Examples
    --------
    >>> short_names([Path("/r/one/bundle"), Path("/r/two/bundle"), Path("/x/bundle")])
    ('one', 'two', 'x')
    """
    parts = [folder.resolve().parts for folder in folders]
    while len({part[-1] for part in parts}) == 1:
        parts = [part[:-1] for part in parts]
    for length in range(1, max(map(len, parts)) + 1):
        names = tuple("/".join(part[-length:]) for part in parts)
        if len(set(names)) == len(names):
            break
    return names


def comparison_figures(
    contenders: Sequence[Contender], assessor: Assessor, options: EvaluateOptions
) -> ComparisonFigures | None:
    """Work out by how much bundles differ.

    Parameters
    ----------
    contenders : sequence of Contender
        The baseline first.
    assessor : Assessor
        Of the scans that they were asked about.
    options : EvaluateOptions
        Resamples, seed and margin.

    Returns
    -------
    figures : ComparisonFigures or None
        None where there is nothing to compare.
    """
    if not contenders:
        return None
    said = {one.name: assessor.predictions(one.said) for one in contenders}
    first = next(iter(said.values()))
    return ComparisonFigures(
        bundles=tuple(_compared(one, assessor) for one in contenders),
        n_scans=first.truth.size,
        n_patients=first.n_patients,
        n_resamples=options.resamples,
        differences=against_first(
            said,
            ordered=assessor.hierarchy.ordered,
            n_resamples=options.resamples,
            seed=options.seed,
        ),
        areas=area_differences(said),
        discordances=discordances(said),
        margin=options.margin,
    )


def _compared(one: Contender, assessor: Assessor) -> ComparedBundle:
    metrics = assessor.summary(assessor.predictions(one.said)).metrics
    return ComparedBundle(
        name=one.name,
        digest=one.digest,
        trained_on=one.trained_on,
        n_known=int(one.known.sum()),
        looks=one.looks,
        cut_point=one.cut_point,
        metrics={name: metrics[name] for name in COMPARED if name in metrics},
    )


def comparison_columns(
    contenders: Sequence[Contender], labels: Sequence[str]
) -> pd.DataFrame:
    """Lay out what each bundle said, beside the columns of the first.

    Parameters
    ----------
    contenders : sequence of Contender
        The baseline first.
    labels : sequence of str
        Of the hierarchy.

    Returns
    -------
    columns : DataFrame, n_scans rows
        For each bundle its screen score, its label, and whether it was trained on
        the scan; no columns where there is nothing to compare.
    """
    names = np.asarray(labels)
    columns = {}
    for one in contenders:
        columns[f"{one.name}: screen_score"] = one.said.screen_score
        columns[f"{one.name}: predicted"] = names[one.said.decided]
        columns[f"{one.name}: trained_on"] = one.known.astype(int)
    return pd.DataFrame(columns)
