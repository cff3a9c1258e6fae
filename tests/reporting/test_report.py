from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from hierclf.evaluation.predictions import predictions_of
from hierclf.evaluation.summary import evaluate
from hierclf.foundation.errors import InputError, ResourceError
from hierclf.reporting.report import write_report
from hierclf.results.data import UnreadableScan
from hierclf.results.run import RunResults
from tests.reporting.conftest import small

MINUS = "\N{MINUS SIGN}"
EVIL = "<script>alert('1')</script>"


@pytest.fixture(scope="module")
def folder(sample, tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_report(folder, sample.results, sample.said)
    return folder


@pytest.fixture(scope="module")
def page(folder, parse):
    return parse((folder / "report.html").read_text("utf-8"))


def write(folder, results, parse, said=None):
    write_report(folder, results, said)
    return parse((folder / "report.html").read_text("utf-8"))


def percent(estimate):
    low, high = 100 * estimate.low, 100 * estimate.high
    return f"{100 * estimate.value:.1f} % {low:.1f} to {high:.1f} %"


def test_the_main_number_stands_first_in_words(sample, page):
    best = sample.results.models["cascade"].metrics["macro_recall"]
    value, interval = percent(best).split(" % ", 1)
    assert (
        f"Averaged over the 4 labels, the model cascade gave {value} % of the scans "
        f"their own label (macro recall, 95 % interval {interval}; guessing reaches "
        "25.0 %)."
    ) in page.text
    n_patients = sample.results.models["cascade"].n_patients
    assert (
        f"Measured on 320 scans of {n_patients} patients. Protocol: 20 %" in page.text
    )


def test_table_of_models_holds_every_figure(sample, page):
    rows = page.rows(3)
    assert list(rows) == ["Model", *sample.results.models]
    for name, summary in sample.results.models.items():
        cells = dict(zip(rows["Model"], rows[name], strict=True))
        metrics = summary.metrics
        assert cells["Macro recall"] == percent(metrics["macro_recall"])
        assert cells["Accuracy"] == percent(metrics["accuracy"])
        assert cells["Sensitivity"] == percent(metrics["sensitivity"])
        assert cells["Specificity"] == percent(metrics["specificity"])
        kappa, area = metrics["quadratic_kappa"], metrics["screen_auc"]
        for title, e in (("Quadratic kappa", kappa), ("Screen AUC", area)):
            assert cells[title] == f"{e.value:.3f} {e.low:.3f} to {e.high:.3f}"
    for line in sample.results.explanations.values():
        assert line in page.text


def test_scans_by_label_and_split(sample, page):
    rows = page.rows(1)
    assert rows["Label"] == ["train", "val", "test", "all"]
    for label, splits in sample.results.data.counts.items():
        numbers = [*splits.values(), sum(splits.values())]
        assert rows[label] == [str(n) for n in numbers]
    prevalence = 100 * np.mean(sample.said.truth > 0)
    assert f"{prevalence:.1f} % of the 320 scans it was measured on" in page.text


def test_differences_have_a_verdict(sample, page):
    rows = page.rows(4)
    for difference in sample.results.differences:
        cells = rows[f"cascade minus {difference.baseline}"]
        gained = difference.difference
        assert cells[1] == f"{100 * gained.value:+.1f} points".replace("-", MINUS)
        contains = gained.low <= 0 <= gained.high
        assert ("not shown to differ" in cells[3]) == contains
    verdicts = [row[3] for row in list(rows.values())[1:]]
    assert len(set(verdicts)) == 2


def test_labels_with_few_patients_are_marked(sample, page):
    rows = page.rows(5)
    for c in sample.results.models["cascade"].overall.classes:
        rare = c.n_patients < 10
        cells = rows[f"{c.label} too few" if rare else c.label]
        assert cells[:2] == [str(c.n_scans), str(c.n_patients)]
        assert cells[2] == percent(c.recall)
        assert cells[3] == percent(c.precision)
        f1 = f"{100 * c.f1.value:.1f} % too few" if rare else percent(c.f1)
        assert cells[4] == f1
    assert "Too few patients (under 10) for any conclusion on: stage 3." in page.text


def test_stages_apart(sample, page):
    screen, metrics = page.rows(6), sample.results.models["cascade"].metrics
    assert screen["Positive predictive value"][0] == percent(metrics["ppv"])
    brier = metrics["screen_brier"]
    assert screen["Brier score"][0].startswith(f"{brier.value:.3f} ")
    assert page.rows(7)["Macro recall"][0] == percent(metrics["refine_macro_recall"])
    assert list(page.rows(8)) == ["Label", "stage 1", "stage 2", "stage 3 too few"]


def test_argmax_and_patients_stand_apart(sample, page):
    argmax = sample.results.argmax.metrics["macro_recall"]
    assert page.rows(10)["most probable label"][0] == percent(argmax)
    patients = sample.results.per_patient
    cells = page.rows(13)["cascade"]
    assert cells[0] == percent(patients.metrics["macro_recall"])
    assert f"One answer for each of {patients.n_scans} patients" in page.text


def test_reproduction_names_everything(sample, page):
    for text in ("ab" * 32, "2.15.0", '"rule": "macro_recall"', "312.4 s", "3f" * 32):
        assert text in page.text
    assert "not to be used for the diagnosis" in page.text


def test_page_is_self_contained(page):
    policy = [m for m in page.of("meta") if "http-equiv" in m]
    assert policy[0]["content"] == (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    )
    assert not {"script", "link", "iframe", "object"} & {tag for tag, _ in page.tags}
    sources = [attrs["src"] for attrs in page.of("img")]
    assert all(source.startswith("data:image/svg+xml;base64,") for source in sources)
    assert "http:" not in page.raw
    assert "https:" not in page.raw
    assert "url(" not in page.raw
    assert all(a["href"].startswith("#") for a in page.of("a"))


def test_page_is_accessible(page):
    assert page.of("html")[0]["lang"] == "en"
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b <= a + 1 for a, b in pairwise(levels))
    assert all(len(attrs["alt"]) > 20 for attrs in page.of("img"))
    assert len(page.of("figure")) == len(page.of("figcaption")) == len(page.of("img"))
    assert len(page.of("table")) == len(page.of("caption"))
    assert all(attrs["scope"] in ("row", "col") for attrs in page.of("th"))
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(set(ids)) == len(ids)
    sections = [s["id"] for s in page.of("section")]
    wanted = [a["href"][1:] for a in page.of("a")]
    assert wanted[: len(sections)] == sections
    assert set(wanted) <= set(sections)
    assert {s["aria-labelledby"] for s in page.of("section")} <= set(ids)


def test_figures_are_also_png_files(folder, page):
    names = sorted(path.name for path in (folder / "figures").iterdir())
    assert len(names) == len(page.of("img"))
    assert names == sorted(
        [
            "confusion-1-flat.png",
            "confusion-2-flat-balanced.png",
            "confusion-3-cascade-at-0-50.png",
            "confusion-4-cascade.png",
            "confusion-refine.png",
            "confusion-patients.png",
            "cut-point.png",
            "screen-roc.png",
            "screen-precision-recall.png",
            "net-benefit.png",
            "screen-scores.png",
            "screen-reliability.png",
            "training-1-screen.png",
            "training-2-refine.png",
        ]
    )


def test_words_for_who_does_not_see_the_figures(sample, page):
    alts = " ".join(attrs["alt"] for attrs in page.of("img")).replace("\xa0", " ")
    row = sample.results.models["flat"].overall.confusion[1]
    assert f"of {sum(row)} stage 1, {row[1]} were called stage 1" in alts
    assert f"Chosen: {sample.choice.threshold:.2f}, 95 % interval" in alts
    metrics = sample.results.models["cascade"].metrics
    assert (
        f"ROC curve of the screen with an area of {metrics['screen_auc'].value:.3f}; "
        f"the model works at a sensitivity of {100 * metrics['sensitivity'].value:.1f} "
        f"% and a specificity of {100 * metrics['specificity'].value:.1f} %."
    ) in alts
    assert "lowest validation loss, in epoch 7" in alts


def test_same_results_same_bytes(sample, folder, tmp_path):
    again = RunResults.from_json(sample.results.to_json())
    write_report(tmp_path, again, sample.said)
    paths = [p.relative_to(folder) for p in folder.rglob("*") if p.is_file()]
    assert len(paths) == 15
    for path in paths:
        assert (tmp_path / path).read_bytes() == (folder / path).read_bytes(), path


def test_nothing_says_phantom_of_patients(page):
    assert "phantom" not in re.sub(r"\.phantom-mark", "", page.raw.lower())


@pytest.mark.usefixtures("blank_pictures")
def test_phantom_is_said_everywhere(sample, tmp_path, parse):
    data = sample.results.data.model_copy(update={"phantom": True})
    results = small(sample.results, data=data, cut_point=sample.results.cut_point)
    page = write(tmp_path, results, parse, sample.said)
    assert page.text.startswith("PHANTOM: ")
    assert page.of("p")[0]["class"] == "banner"
    assert all(attrs["alt"].startswith("PHANTOM") for attrs in page.of("img"))
    said = page.text.count("PHANTOM, no patients.")
    assert said == len(page.of("table")) + len(page.of("img")) + 1
    assert "nothing here carries over to patients" in page.text


def test_names_from_the_data_are_escaped(sample, tmp_path, parse):
    labels = ("healthy", EVIL, "$\\frac{", "正常 \u202e")
    said = replace(sample.said)
    summary = evaluate(said, labels, n_resamples=20)
    data = sample.results.data.model_copy(
        update={
            "name": EVIL,
            "counts": {label: {EVIL: 1} for label in labels},
            "remarks": (EVIL,),
            "unreadable": (
                UnreadableScan(scan="\u202egnp" + EVIL, code="E_GONE", message=EVIL),
            ),
        }
    )
    results = small(
        sample.results,
        data=data,
        labels=labels,
        models={EVIL: summary},
        main=EVIL,
        explanations={EVIL: EVIL},
        protocol=EVIL,
        options={EVIL: EVIL},
        versions={EVIL: EVIL},
        digests={'" onload="x': EVIL},
        ordered=False,
    )
    page = write(tmp_path, results, parse, said)
    assert "<script" not in page.raw.lower()
    assert not any("onload" in attrs for _, attrs in page.tags)
    assert page.text.count(EVIL) > 12
    assert "\u202e" not in page.raw
    assert "\\u202egnp" in page.text
    assert "#4 is 正常" in page.text
    assert "Quadratic kappa" not in page.text
    assert (tmp_path / "figures/confusion-1-script-alert-1-script.png").exists()


@pytest.mark.usefixtures("blank_pictures")
def test_missing_patients_are_loud(sample, tmp_path, parse, page):
    assert "No patient identifiers" not in page.text
    data = sample.results.data.model_copy(update={"has_patients": False})
    loud = write(tmp_path, small(sample.results, data=data), parse)
    assert loud.of("p")[3]["class"] == "notice"
    assert "No patient identifiers. Every scan counts as a patient" in loud.text
    assert "of an unknown number of patients" in loud.text
    assert loud.rows(4)["Label"] == ["Scans", "Recall", "Precision", "F1"]


def test_two_labels_and_nothing_else(sample, tmp_path, parse):
    said = predictions_of([0, 0, 1, 1], [0, 1, 1, 1], n_classes=2)
    summary = evaluate(said, ("healthy", "ill"), n_resamples=20)
    results = small(
        sample.results,
        models={"only": summary},
        main="only",
        labels=("healthy", "ill"),
        given_cut_point=0.4,
        data=sample.results.data.model_copy(
            update={"unreadable": (), "remarks": (), "counts": {"ill": {"all": 4}}}
        ),
    )
    page = write(tmp_path, results, parse, said)
    assert "there is one diseased label only" in page.text
    assert "It was given as 0.40 and not searched for on these" in page.text
    assert page.rows(1)["Label"] == ["all"]
    assert len(page.of("img")) == 1
    none = write(tmp_path, results.model_copy(update={"given_cut_point": None}), parse)
    assert "The main model has none." in none.text


@pytest.mark.usefixtures("blank_pictures")
def test_dagger_marks_figures_that_some_resamples_lack(sample, tmp_path, parse):
    summary = sample.results.models["cascade"]
    kappa = summary.metrics["quadratic_kappa"].model_copy(update={"n_excluded": 3})
    metrics = {**summary.metrics, "quadratic_kappa": kappa}
    marked = summary.model_copy(update={"metrics": metrics})
    results = small(sample.results, models={"cascade": marked})
    page = write(tmp_path, results, parse)
    assert page.of("sup") == [{"title": "undefined in 3 resamples"}]
    assert "† marks a figure that is undefined in some resamples" in page.text


def test_without_dagger_there_is_no_note(page):
    assert page.of("sup") == []
    assert "† marks" not in page.text


@pytest.mark.usefixtures("blank_pictures")
def test_many_unreadable_scans_are_counted(sample, tmp_path, parse):
    scans = tuple(
        UnreadableScan(scan=f"s{n:03}.png", code="E_EMPTY", message="expected bytes")
        for n in range(23)
    )
    data = sample.results.data.model_copy(update={"unreadable": scans})
    page = write(tmp_path, small(sample.results, data=data), parse)
    assert "the first 20 of 23" in page.text
    assert "s019.png" in page.text
    assert "s020.png" not in page.text


def test_one_kind_of_scan_has_no_roc(sample, tmp_path, parse):
    said = predictions_of(
        [0, 0, 0], [0, 1, 0], n_classes=2, screen_score=[0.1, 0.7, 0.2]
    )
    summary = evaluate(said, ("healthy", "ill"), n_resamples=20)
    changes = {
        "models": {"only": summary},
        "main": "only",
        "labels": ("healthy", "ill"),
    }
    write(tmp_path, small(sample.results, **changes), parse, said)
    names = {path.stem for path in (tmp_path / "figures").iterdir()}
    assert names == {"confusion-1-only", "screen-scores", "screen-reliability"}


def test_predictions_of_another_model_are_refused(sample, tmp_path):
    other = replace(sample.said, predicted=np.zeros(320, dtype=np.intp))
    with pytest.raises(InputError, match="expected the predictions that 'cascade' was"):
        write_report(tmp_path, sample.results, other)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_written_is_named(sample, tmp_path):
    (tmp_path / "figures").write_text("in the way")
    with pytest.raises(ResourceError, match=r"write .*figures: the system answered"):
        write_report(tmp_path, small(sample.results))
