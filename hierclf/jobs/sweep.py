"""Every cut point of a bundle on labelled scans."""

from __future__ import annotations

from hierclf.assembly.outputs import keep_apart
from hierclf.assembly.scans import RunData
from hierclf.assembly.trained import (
    bundle_costs,
    decide,
    labelled_scans,
    open_bundle,
    positions,
)
from hierclf.bundle.container import MANIFEST
from hierclf.bundle.revise import with_cut_point
from hierclf.bundle.store import Bundle
from hierclf.cascade import curve as curves
from hierclf.cascade.curve_interval import bootstrap_curve
from hierclf.cascade.cut_point import (
    CutPointChoice,
    choose_cut_point,
    parse_rule,
    rule_for,
)
from hierclf.config.commands import SweepOptions
from hierclf.foundation.files import check_new, new_folder
from hierclf.reporting.sweep_page import SWEEP_PAGE, SweepResults, write_sweep
from hierclf.results.cut_point import cut_point_figures


def sweep(options: SweepOptions) -> CutPointChoice:
    """Sweep the cut point of a bundle, and write the curve and its page.

    Parameters
    ----------
    options : SweepOptions
        Everything that can be chosen.

    Returns
    -------
    choice : CutPointChoice
        Written into a new bundle where ``write_bundle`` says so.

    Raises
    ------
    HierclfError
        Whatever is wrong with options, bundle, scans or the disk.
    """
    parse_rule(options.rule)
    for place in (options.out, options.write_bundle):
        if place is not None:
            keep_apart(
                place,
                data=options.data,
                bundle=options.bundle,
                calibrate_with=options.calibrate_with,
            )
    check_new(options.out, overwrite=options.overwrite, mark=SWEEP_PAGE)
    if options.write_bundle is not None:
        check_new(options.write_bundle, overwrite=options.overwrite, mark=MANIFEST)
    bundle = open_bundle(options.bundle, options)
    rule_for(options.rule, bundle.cascade.hierarchy_)
    swept = labelled_scans(bundle, options, options.calibrate_with)
    choice = _sweep(bundle, swept, options)
    if options.calibrate_with not in {None, options.data}:
        _show(bundle, labelled_scans(bundle, options), choice.threshold)
    return choice


def _sweep(bundle: Bundle, scans: RunData, options: SweepOptions) -> CutPointChoice:
    said, hierarchy = decide(bundle, scans), bundle.cascade.hierarchy_
    cases = (positions(hierarchy, scans.manifest), said.screen_score, said.refined)
    patients = scans.manifest["patient_id"].to_numpy()
    rule, costs = rule_for(options.rule, hierarchy), bundle_costs(bundle)
    n_classes = len(hierarchy.labels)
    curve = curves.sweep(*cases, n_classes=n_classes, points=options.points)
    choice = choose_cut_point(curve, rule, costs)
    interval = bootstrap_curve(
        *cases,
        n_classes=n_classes,
        groups=patients,
        rule=rule,
        costs=costs,
        points=options.points,
        n_resamples=options.resamples,
        seed=options.seed,
    )
    how = f"the bundle's scores of {scans.name}"
    found = cut_point_figures(
        curve,
        choice,
        interval,
        n_scans=len(patients),
        n_patients=len(set(patients)),
        how=how,
    )
    results = SweepResults(
        name=scans.name,
        phantom=scans.phantom or bundle.info.data.phantom,
        labels=hierarchy.labels,
        ordered=hierarchy.ordered,
        cut_point=found,
    )
    with new_folder(
        options.out, overwrite=options.overwrite, mark=SWEEP_PAGE
    ) as folder:
        write_sweep(folder, results, curve, interval)
    if options.write_bundle is not None:
        with_cut_point(
            options.bundle,
            options.write_bundle,
            threshold=choice.threshold,
            choice=choice,
            reason=f"Chosen by {choice.rule} on {how}.",
            overwrite=options.overwrite,
        )
    _say(results, bundle, options)
    return choice


def _say(results: SweepResults, bundle: Bundle, options: SweepOptions) -> None:
    word = " (phantom)" if results.phantom else ""
    found = results.cut_point
    bounds = (found.threshold_low, found.threshold_high)
    low, high = ("?" if bound is None else f"{bound:.3g}" for bound in bounds)
    print(  # noqa: T201
        f"cut point{word} by {found.rule}: {found.threshold:.3g}, 95 % of resamples in "
        f"[{low}, {high}]; the bundle has {bundle.cascade.cut_point_:.3g}\n"
        f"page: {options.out / SWEEP_PAGE}"
    )


def _show(bundle: Bundle, scans: RunData, threshold: float) -> None:
    """Print what the bundle's cut point and the chosen one do on other scans."""
    said, hierarchy = decide(bundle, scans), bundle.cascade.hierarchy_
    cases = (positions(hierarchy, scans.manifest), said.screen_score, said.refined)
    curve = curves.sweep(*cases, n_classes=len(hierarchy.labels), points="all")
    cuts = {"the bundle's": bundle.cascade.cut_point_, "the chosen": threshold}
    for name, cut in cuts.items():
        place = min(int((curve.thresholds < cut).sum()), len(curve.thresholds) - 1)
        print(  # noqa: T201
            f"{scans.name} at {name} cut point {cut:.3g}: "
            f"macro recall {curve.macro_recall[place]:.3f}, "
            f"sensitivity {curve.sensitivity[place]:.3f}, "
            f"specificity {curve.specificity[place]:.3f}"
        )
