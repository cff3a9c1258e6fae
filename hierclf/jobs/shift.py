"""A ward without labels: whether its cut point may be moved, and where to."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hierclf.assembly.outputs import keep_apart
from hierclf.assembly.trained import bundle_costs, open_bundle
from hierclf.bundle.container import MANIFEST
from hierclf.bundle.revise import with_cut_point
from hierclf.config.shift import ShiftOptions
from hierclf.foundation.counting import count
from hierclf.foundation.files import check_new, new_folder
from hierclf.reporting.shift_page import SHIFT_PAGE, write_shift
from hierclf.results.shift import MoveFigures, ShiftResults
from hierclf.wards.shift import goals_of
from hierclf.wards.shift_results import examine
from hierclf.wards.ward import known_of, read_ward


def shift(options: ShiftOptions) -> ShiftResults:
    """Test a ward and say where the cut point goes; write it on request only.

    Parameters
    ----------
    options : ShiftOptions
        Everything that can be chosen.

    Returns
    -------
    results : ShiftResults
        As they were written.

    Raises
    ------
    HierclfError
        Whatever is wrong with options, bundle, scans or the disk.
    """
    for place in (options.out, options.write_bundle):
        if place is not None:
            keep_apart(place, data=options.data, bundle=options.bundle)
    if options.write_bundle is not None:
        keep_apart(options.out, write_bundle=options.write_bundle)
    check_new(options.out, overwrite=options.overwrite, mark=SHIFT_PAGE)
    if options.write_bundle is not None:
        check_new(options.write_bundle, overwrite=options.overwrite, mark=MANIFEST)
    bundle = open_bundle(options.bundle, options)
    known = known_of(bundle)
    goals = goals_of(options, bundle.cascade, bundle_costs(bundle))
    ward, told = read_ward(bundle, options)
    results = examine(
        known,
        ward,
        goals,
        told,
        level=options.level,
        n_resamples=options.resamples,
        seed=options.seed,
    )
    with new_folder(
        options.out, overwrite=options.overwrite, mark=SHIFT_PAGE
    ) as folder:
        write_shift(folder, results)
    _say(results, options)
    if options.write_bundle is not None:
        _write_bundle(results, options, options.write_bundle)
    return results


def _write_bundle(results: ShiftResults, options: ShiftOptions, place: Path) -> None:
    """Write the bundle with the moved cut point, or say why there is none."""
    share = results.prevalence
    if share is None:
        print("no bundle is written: the ward is refused")  # noqa: T201
        return
    first = results.moves[0]
    if first.moved.threshold == first.fixed.threshold:
        print(  # noqa: T201
            f"no bundle is written: the cut point stays for {first.goal}"
        )
        return
    with_cut_point(
        options.bundle,
        place,
        threshold=first.moved.threshold,
        choice=None,
        reason=(
            f"Moved from {first.fixed.threshold:.4g} for {first.goal}, on "
            f"{count(results.n_scans, 'scan')} of {results.name} without labels, of "
            f"which an estimated {_percent(share.value)} ({_percent(share.low)} to "
            f"{_percent(share.high)}) are diseased."
        ),
        overwrite=options.overwrite,
    )
    print(  # noqa: T201
        f"bundle with the cut point {first.moved.threshold:.3g}: {place}"
    )


def _percent(share: float | None) -> str:
    return "?" if share is None else f"{share:.1%}"


def _say(results: ShiftResults, options: ShiftOptions) -> None:
    word = " (phantom)" if results.phantom else ""
    page = f"page: {options.out / SHIFT_PAGE}"
    if results.refused:
        lines = [f"refused{word}: {reason}" for reason in results.reasons]
        advice = results.settled[-1]
        lines.append(
            f"Label some scans instead: on {advice.n_scans}, sweep --calibrate-with "
            f"chooses from {_number(advice.low)} to {_number(advice.high)}{word}."
        )
        print("\n".join([*lines, page]))  # noqa: T201
        return
    print(  # noqa: T201
        f"not refused{word}: no change was seen on {count(results.n_scans, 'scan')}, "
        "which does not prove that the ward fits"
    )
    share = results.prevalence
    if share is not None:
        print(  # noqa: T201
            f"diseased{word}: {_percent(share.value)} [{_percent(share.low)}, "
            f"{_percent(share.high)}]; in training {results.reference_prevalence:.1%}"
        )
    for move in results.moves:
        print(f"for {move.goal}{word}: {_place(move)}")  # noqa: T201
    print(page)  # noqa: T201


def _place(move: MoveFigures) -> str:
    fixed = f"{move.fixed.threshold:.3g}"
    if not move.moves:
        return f"the cut point stays at {fixed}, it does not depend on that share"
    bounds = f"[{_number(move.moved.low)}, {_number(move.moved.high)}]"
    return f"fixed {fixed}, moved {move.moved.threshold:.3g} {bounds}"


def _number(value: float | None) -> str:
    return "?" if value is None or not np.isfinite(value) else f"{value:.3g}"
