"""The model card: what a person reads before using a bundle."""

from __future__ import annotations

from typing import Final

from hierclf.bundle.info import BundleInfo
from hierclf.foundation.counting import count

_MEASURED: Final = "performance"
_FIRST = ("notice", "intended_use", "users", "out_of_scope")
_NEXT = ("decision", "training_data", _MEASURED, "subgroups")
_LAST = "limits"
_BEFORE = (
    "The cut point was changed after these figures were measured. Those of decisions "
    "hold for the earlier one; areas under curves hold as before."
)


def render_card(info: BundleInfo) -> str:
    """Write the model card of a bundle in Markdown.

    Parameters
    ----------
    info : BundleInfo
        What it says.

    Returns
    -------
    text : str
        Ends in a line end.
    """
    card = info.card
    found = {"decision": _decision(info), "training_data": _data(info)}
    found |= {key: text for key, text in card.items() if key not in _FIRST}
    if info.revisions and _MEASURED in card:
        found[_MEASURED] = f"{_BEFORE}\n\n{card[_MEASURED]}"
    order = [*_FIRST[1:], *_NEXT, *sorted(found.keys() - {*_NEXT, _LAST}), _LAST]
    told = {key: card[key] for key in _FIRST} | found
    parts = [f"# {info.data.name}", f"**{card['notice']}**"]
    for key in order:
        if key in told:
            parts += [f"## {key.replace('_', ' ').capitalize()}", told[key]]
    parts += ["## Version and date", _version(info)]
    return "\n\n".join(parts) + "\n"


def _version(info: BundleInfo) -> str:
    return (
        f"Made on {info.created_utc:%Y-%m-%d %H:%M} UTC, format {info.format_version}, "
        f"seed {info.seed}. The digest of the bundle is the SHA-256 of its "
        f"`manifest.json`.\n\n{_bullets(info.versions)}"
    )


def _decision(info: BundleInfo) -> str:
    healthy, *diseased = info.labels
    order = "in this order of severity" if info.ordered else "without an order"
    lines = [
        f"A scan is diseased where its score is at least {info.cut_point:.9g}, else "
        f"{healthy}. Diseased labels, {order}: {', '.join(map(str, diseased))}."
    ]
    lines += [*_lungs(info), *_refinement(info), *_guards(info)]
    if info.choice is not None:
        held_out = "the" if info.revisions else "the held-out training"
        lines.append(
            f"The cut point was chosen by {info.choice.rule}. On {held_out} "
            f"scans that it was chosen on, sensitivity was "
            f"{info.choice.sensitivity:.3f}, specificity {info.choice.specificity:.3f}"
            f" and macro recall {info.choice.macro_recall:.3f}; new scans will do "
            "worse."
        )
    lines += [
        f"{revision.created_utc:%Y-%m-%d}: the cut point was {revision.cut_point:.9g} "
        f"before. {revision.reason}"
        for revision in info.revisions
    ]
    return "\n\n".join(lines)


def _lungs(info: BundleInfo) -> list[str]:
    """Say what is cut out of a scan before any network sees it."""
    lungs = info.lungs
    if lungs is None:
        return []
    caution = " Its scans were synthetic: look at its masks of real ones first."
    return [
        "Lungs are cut out first: what lies outside of them is black for all networks. "
        f"The network that finds them: {lungs.told}.{caution if lungs.phantom else ''} "
        "A scan in which none are found is seen whole."
    ]


def _guards(info: BundleInfo) -> list[str]:
    """Say what stands between a decision and its use."""
    told = []
    if info.calibration != "none":
        told.append(
            f"Probabilities were calibrated ({info.calibration}) on held-out training "
            "scans; they are right where the share of diseased scans is as there."
        )
    if info.gate is not None:
        told.append(
            "Scans unlike the training ones are marked out_of_scope; of scans like "
            f"them {info.gate.false_alarm:.3g} may be, by mistake."
        )
    if info.deferral is not None:
        share = f"{info.deferral.passed:.3f} of the held-out training scans passed"
        wrong = info.deferral.error
        told.append(
            f"Decisions go to a reader by the rule {info.deferral.rule}: {share}"
            + ("." if wrong is None else f", and {wrong:.3f} of these were wrong.")
        )
    return told


def _refinement(info: BundleInfo) -> list[str]:
    if info.costs is not None:
        return ["Which of these it is: the one of least expected cost."]
    if info.rungs is not None:
        steps = zip(info.rungs, info.labels[1:], strict=False)
        told = ", ".join(f"{value:g} above {label}" for value, label in steps)
        return [
            "Which of these it is: a scan climbs from the first one as long as the "
            f"probability of being above it is not below its cut point ({told})."
        ]
    if info.adjustment:
        return [
            "Which of these it is: the one with the largest probability over its share "
            f"of the diseased training scans to the power {info.adjustment:g}."
        ]
    return []


def _data(info: BundleInfo) -> str:
    data = info.data
    patients = "an unknown number of patients"
    if data.n_patients is not None:
        patients = count(data.n_patients, "patient")
    phantom = "Synthetic scans, not of patients. " if data.phantom else ""
    counts = {str(label): data.counts[str(label)] for label in info.labels}
    return (
        f"{phantom}{count(data.n_scans, 'scan')} of {patients}, seed {info.seed}, "
        f"fingerprint `{data.fingerprint}`.\n\n{_bullets(counts)}"
    )


def _bullets(values: dict[str, str] | dict[str, int]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in values.items())
