"""The figures of a run in Markdown, for the model card of its bundle."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hierclf.evaluation.intervals import Estimate
from hierclf.evaluation.summary import Summary
from hierclf.foundation.counting import count
from hierclf.results.metric_words import (
    COMPARED,
    GROUPED,
    REFINED,
    SCREENED,
    TOO_FEW,
    metric_of,
)
from hierclf.results.run import RunResults
from hierclf.results.wording import bounds, cut_text, gain, number, verdict, views_text


def card_texts(results: RunResults) -> dict[str, str]:
    """Say in words and tables what a run found out.

    Parameters
    ----------
    results : RunResults
        Of the cascade that goes into the bundle.

    Returns
    -------
    texts : dict of str to str
        Markdown by the heading of the card: ``performance`` and ``subgroups``.
    """
    return {"performance": _performance(results), "subgroups": _subgroups(results)}


def _performance(results: RunResults) -> str:
    main = results.models[results.main]
    n_sick = main.n_scans - main.overall.classes[0].n_scans
    known = results.data.has_patients
    owners = count(main.n_patients, "patient") if known else "unknown patients"
    phantom = "Synthetic scans: these figures say nothing of patients. "
    parts = [
        f"{phantom * results.data.phantom}"
        f"Measured on {count(main.n_scans, 'scan')} of {owners}, "
        f"{n_sick} of them diseased ({number(n_sick / main.n_scans)}). Protocol: "
        f"{results.protocol}. Intervals are of 95 %, by patient."
    ]
    parts.append(_remarks(results))
    parts.append(_cut_point(results))
    parts.append(views_text(results.views))
    names = [*COMPARED, *SCREENED, *REFINED]
    parts.append(_metrics(main, list(dict.fromkeys(names))))
    parts.append(_labels(main))
    parts += [
        f"- {metric_of(d.metric).title} of {d.model} minus that of {d.baseline}: "
        f"{gain(d)}, {verdict(d)}."
        for d in results.differences
    ]
    return "\n\n".join(part for part in parts if part)


def _remarks(results: RunResults) -> str:
    """Repeat what was noticed of the data, such as a shortcut: figures rest on it."""
    told = [f"- {_plain(remark)}" for remark in results.data.remarks]
    return "\n".join(["Noticed in the data:", "", *told]) if told else ""


def _cut_point(results: RunResults) -> str:
    cut = results.cut_point
    if cut is None:
        return ""
    words = f"The cut point {cut_text(cut.threshold)} was chosen by {cut.rule}"
    if cut.threshold_low is None or cut.threshold_high is None:
        return f"{words}; resamples of the patients give it no interval."
    ends = f"{cut_text(cut.threshold_low)} to {cut_text(cut.threshold_high)}"
    return f"{words}; on 95 % of the resamples of the patients, it would be {ends}."


def _metrics(main: Summary, names: Sequence[str]) -> str:
    rows = [
        (
            metric_of(name).title + " (refinement)" * name.startswith("refine"),
            *_cells(main.metrics[name], name),
        )
        for name in names
        if name in main.metrics
    ]
    return _table(("Figure", "Value", "95 % interval"), rows)


def _cells(estimate: Estimate, name: str) -> tuple[str, str]:
    percent = metric_of(name).percent
    return number(estimate.value, percent=percent), bounds(estimate, percent=percent)


def _labels(main: Summary) -> str:
    rows = [
        (
            one.label + " (too few)" * (one.n_patients < TOO_FEW),
            str(one.n_scans),
            str(one.n_patients),
            *_cells(one.recall, "macro_recall"),
        )
        for one in main.overall.classes
    ]
    return _table(("Label", "Scans", "Patients", "Recall", "95 % interval"), rows)


def _subgroups(results: RunResults) -> str:
    if not results.subgroups:
        return (
            "None was looked at: the data set has no column for it, or none was asked."
        )
    heads = ("Group", "Scans", "Patients", *(metric_of(n).title for n in GROUPED))
    parts = [
        f"Figures with fewer than {results.subgroups[0].least} patients of a kind are "
        "left out as too few. With many groups, some differ by chance."
    ]
    for part in results.subgroups:
        rows = []
        for group in part.groups:
            told = [_told(group.metrics.get(name), name) for name in GROUPED]
            rows.append((group.value, str(group.n_scans), str(group.n_patients), *told))
        parts += [f"By {_plain(part.column)}:", _table(heads, rows)]
    return "\n\n".join(parts)


def _told(estimate: Estimate | None, name: str) -> str:
    if estimate is None:
        return "too few"
    value, ends = _cells(estimate, name)
    return f"{value} ({ends})" if ends else value


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    told = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(map(_plain, row)) + " |" for row in told)


def _plain(cell: str) -> str:
    """Keep what comes from the data from ending a cell or a line."""
    shown = "".join(c if c.isprintable() else " " for c in cell)
    return shown.replace("\N{NO-BREAK SPACE}", " ").replace("|", "\\|")
