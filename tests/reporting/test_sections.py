"""The sections of the report beside its tables of models."""

from __future__ import annotations

import base64
import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from hierclf.assembly.outputs import print_results
from hierclf.bundle.measured import read_measured
from hierclf.evaluation.comparison import Difference
from hierclf.evaluation.intervals import Estimate
from hierclf.evaluation.summary import evaluate
from hierclf.pictures.thumbnails import thumbnail
from hierclf.reporting.card_text import card_texts
from hierclf.reporting.checklist import answers
from hierclf.reporting.claim import CLAIM
from hierclf.reporting.report import TITLES, write_report
from hierclf.reporting.tripod import TRIPOD
from hierclf.results.data import UnreadableScan
from tests.reporting.conftest import small

LABELS = ("healthy", "stage 1", "stage 2", "stage 3")

pytestmark = pytest.mark.usefixtures("blank_pictures")


def section(page, name):
    """Text of one section."""
    raw = page.raw.split(f'<section id="{name}"')[1].split("</section>")[0]
    return type(page)(f"<section{raw}</section>")


@pytest.fixture(scope="module")
def page(sample, tmp_path_factory, parse):
    folder = tmp_path_factory.mktemp("sections")
    pixels = np.linspace(0, 1, 600 * 400).reshape(400, 600)
    shown = {"healthy/p0003_l.png": thumbnail(pixels)}
    maps = {"healthy/p0003_l.png": b"\x89PNG a map"}
    kept = ("cut_point", "curves", "subgroups", "mistakes", "per_patient")
    results = small(
        sample.results, **{name: getattr(sample.results, name) for name in kept}
    )
    write_report(folder, results, thumbnails=shown, maps=maps)
    return parse((folder / "report.html").read_text("utf-8"))


def again(sample, tmp_path, parse, **changes):
    write_report(tmp_path, small(sample.results, **changes))
    return parse((tmp_path / "report.html").read_text("utf-8"))


def test_cut_points_of_folds_stand_beside_that_of_the_bundle(sample, tmp_path, parse):
    told = "which decided on the scans of this report, were cut at 0.31, 0.425."
    kept = {"cut_point": sample.results.cut_point}
    page = again(sample, tmp_path, parse, fold_cut_points=(0.31, 0.425), **kept)
    assert f"The models of the 2 folds, {told}" in section(page, "cut-point").text
    page = again(sample, tmp_path, parse, **kept)
    assert "were cut at" not in section(page, "cut-point").text


def test_the_question_names_labels_and_rule(page):
    told = section(page, "question").text
    assert (
        "is it healthy or diseased, and if diseased, is it stage 1, stage 2 or" in told
    )
    assert "chosen for the highest macro recall on 320 training scans" in told
    assert "Compared with flat" in told.replace("withflat", "with flat")


def test_the_flow_adds_up(sample, page):
    told = section(page, "data").text
    assert "Found 1281 scans of 761 patients" in told
    assert "Left out 1 unreadable scan: 1 E_TRUNCATED; no scan is left of 1 pat" in told
    assert "Read 1280 scans of 760 patients" in told
    assert "test 320 scans of 190 patients149 diseased (46.6 %)" in told
    n_patients = sample.results.models["cascade"].n_patients
    assert f"Measured on (test) 320 scans of {n_patients} patients" in told


def test_scans_set_aside_are_counted(sample, tmp_path, parse):
    data = sample.results.data.model_copy(update={"n_set_aside": 500})
    told = section(again(sample, tmp_path, parse, data=data), "data").text
    assert "Found 1781 scans" in told
    assert "Set aside 500 scans" in told


def test_reasons_are_counted(sample):
    codes = ["E_BLANK", "E_TRUNCATED", "E_TRUNCATED"]
    scans = tuple(UnreadableScan(scan="s", code=c, message="m") for c in codes)
    data = sample.results.data.model_copy(update={"unreadable": scans})
    assert list(data.reasons.items()) == [("E_TRUNCATED", 2), ("E_BLANK", 1)]


def test_net_benefit_is_printed_by_tenths(sample, page):
    curve = sample.results.curves.net_benefit
    rows = section(page, "net-benefit").rows(1)
    assert list(rows) == ["Threshold", *(f"0.{n}0" for n in range(1, 10))]
    place = curve.thresholds.index(0.3)
    assert rows["0.30"][0] == f"{100 * curve.model[place]:.1f}"
    assert rows["0.30"][1].startswith(f"{100 * curve.low[place]:.1f} to ")
    assert rows["0.30"][2] == f"{100 * curve.treat_all[place]:.1f}"


def test_subgroups_show_counts_intervals_and_what_is_too_few(sample, page):
    (part,) = sample.results.subgroups
    rows = section(page, "subgroups").rows(1)
    assert list(rows)[1:] == [group.value for group in part.groups]
    for group in part.groups:
        cells = rows[group.value]
        counts = [group.n_scans, group.n_patients, group.n_diseased]
        assert cells[:3] == [str(n) for n in counts]
        for place, name in enumerate(["sensitivity", "specificity"], start=3):
            found = group.metrics.get(name)
            if found is None:
                assert cells[place] == "too few"
            else:
                low, high = 100 * found.low, 100 * found.high
                told = f"{100 * found.value:.1f} % {low:.1f} to {high:.1f} %"
                assert cells[place].startswith(told)
    assert "too few" in rows["mobile unit"]
    assert "3 groups are compared" in section(page, "subgroups").text


def test_a_difference_without_0_is_marked(sample, tmp_path, parse):
    (part,) = sample.results.subgroups
    first = part.groups[0]
    gap = first.differences["sensitivity"]
    for low, marks in ((0.01, 1), (-0.01, 0)):
        far = gap.model_copy(update={"value": 0.1, "low": low, "high": 0.2})
        group = first.model_copy(update={"differences": {"sensitivity": far}})
        told = part.model_copy(update={"groups": (group,)})
        page = again(sample, tmp_path, parse, subgroups=(told,))
        assert section(page, "subgroups").rows(1)["coast"][3].count("*") == marks


def test_mistakes_are_shown_with_their_maps(page):
    part = section(page, "mistakes")
    sources = [image["src"] for image in part.of("img")]
    assert [source[:22] for source in sources] == [
        "data:image/jpeg;base64", "data:image/png;base64,",
    ]  # fmt: skip
    picture = Image.open(io.BytesIO(base64.b64decode(sources[0].partition(",")[2])))
    assert picture.size == (224, 149)
    assert "no picture" in part.text
    assert "called stage 2 screen score 0.913" in part.text
    assert "called stage 1 probability of it 0.555" in part.text


def test_mistakes_are_counted_as_in_the_matrix(sample, page):
    matrix = np.array(sample.results.models["cascade"].overall.confusion)
    wrong = matrix[1:, 1:].sum() - np.trace(matrix[1:, 1:])
    told = section(page, "mistakes").text
    assert f"Healthy scans called diseased: 1 of {matrix[0, 1:].sum()}" in told
    assert f"another diseased label: 1 of {wrong}" in told


def test_thumbnails_keep_gray_values():
    pixels = np.full((500, 250), 0.2)
    pixels[:, 125:] = 0.8
    small = np.asarray(Image.open(io.BytesIO(thumbnail(pixels))))
    assert small.shape == (224, 112)
    assert small[:, :40].mean() == pytest.approx(51, abs=2)
    assert small[:, -40:].mean() == pytest.approx(204, abs=2)


def test_sections_without_content_are_left_out(sample, tmp_path, parse):
    page = again(sample, tmp_path, parse)
    found = {one["id"] for one in page.of("section")}
    assert not found & {"subgroups", "mistakes", "net-benefit", "patients", "members"}
    assert found <= set(TITLES)


def test_members_are_shown_without_decisions(sample, tmp_path, parse):
    said = replace(sample.said, predicted=np.zeros_like(sample.said.predicted))
    alone = evaluate(said, LABELS, ordered=True, n_resamples=100)
    page = again(sample, tmp_path, parse, members={"resnet18": alone})
    part = section(page, "members")
    area = alone.metrics["screen_auc"].value
    assert part.rows(1)["resnet18"][0].startswith(f"{area:.3f}")
    assert not any("Sensitivity" in head for head in part.rows(1)["Network"])


@pytest.mark.parametrize(("checklist", "n_items"), [(CLAIM, 44), (TRIPOD, 52)])
def test_every_item_of_a_checklist_has_an_answer(checklist, n_items):
    numbers = [item.number for item in checklist.items]
    assert len(numbers) == len(set(numbers)) == n_items
    for item in checklist.items:
        assert set(item.where) <= set(TITLES)
        assert "checklists" not in item.where
        assert item.where or item.yours or item.absent
    by_whole = [int("".join(filter(str.isdigit, number))) for number in numbers]
    assert by_whole == sorted(by_whole)
    assert by_whole[-1] == {CLAIM.name: 44}.get(checklist.name, 27)


def test_a_report_without_a_section_does_not_claim_it():
    titles = [pair for pair in TITLES.items() if pair[0] != "mistakes"]
    told = {one.item.number: one for one in answers(CLAIM, titles)}
    assert [key for key, _ in told["39"].sections] == ["labels"]
    assert answers(CLAIM, [])[38].status == "yours"
    assert told["33"].status == "yours"
    assert told["20"].status == "here"


def test_subgroups_and_ensembles_are_ticked_where_they_are_there():
    every = list(TITLES.items())
    none = [one for one in every if one[0] not in {"subgroups", "members"}]
    for titles, subgroups, ensembles in (
        (every, ("here", ""), "here"),
        (none, ("in part", "subgroups"), "yours"),
    ):
        (found,) = (one for one in answers(TRIPOD, titles) if one.item.number == "23a")
        assert (found.status, found.left) == subgroups
        (found,) = [one for one in answers(CLAIM, titles) if one.item.number == "27"]
        assert found.status == ensembles


def test_checklists_link_to_sections(page):
    part = section(page, "checklists")
    rows = part.rows(1)
    assert rows["20"][1:] == ["✓ here", "Data and protocol"]
    assert rows["44"][1] == "yours"
    assert rows["40"][1] == "in part"


def test_card_says_what_the_report_says(sample):
    told = card_texts(sample.results)
    main = sample.results.models["cascade"]
    best = main.metrics["macro_recall"]
    ends = f"{100 * best.low:.1f} to {100 * best.high:.1f} %"
    assert (
        f"| Macro recall | {100 * best.value:.1f} % | {ends} |" in told["performance"]
    )
    assert "Measured on 320 scans" in told["performance"]
    assert "- 4 patients have scans of two labels" in told["performance"]
    assert "was chosen by macro_recall; on 95 % of" in told["performance"]
    for one in main.overall.classes:
        marked = one.label + " (too few)" * (one.n_patients < 10)
        row = f"| {marked} | {one.n_scans} | {one.n_patients} |"
        assert row in told["performance"]
    (part,) = sample.results.subgroups
    for group in part.groups:
        assert f"| {group.value} | {group.n_scans} |" in told["subgroups"]
    assert "too few" in told["subgroups"]


def test_what_the_card_says_is_read_back(sample):
    found = read_measured(card_texts(sample.results))
    main = sample.results.models["cascade"]
    assert (found.n_scans, found.n_patients) == (main.n_scans, main.n_patients)
    for name in ("macro_recall", "sensitivity", "specificity"):
        read, told = getattr(found, name), main.metrics[name]
        for one in ("value", "low", "high"):
            assert getattr(read, one) == pytest.approx(getattr(told, one), abs=5.1e-4)
    for value, low, high in ((-0.1, -0.2, 0.1), (-0.1, -0.2, -0.05), (0.1, 0.0, 0.2)):
        gap = Estimate(value=value, low=low, high=high, method="bootstrap")
        names = {"metric": "macro_recall", "baseline": "flat", "model": "cascade"}
        changes = {"differences": (Difference(difference=gap, **names),)}
        text = card_texts(sample.results.model_copy(update=changes))
        below = read_measured(text).below
        told = [("flat", -value, high < 0)] if value < 0 else []
        assert [(one.baseline, one.loss, one.is_shown) for one in below] == told
    assert read_measured({}) is None


def test_card_survives_what_columns_are_called(sample):
    (part,) = sample.results.subgroups
    group = part.groups[0].model_copy(update={"value": "a|b\n# Approved"})
    evil = part.model_copy(update={"groups": (group,), "column": "x\ny"})
    data = sample.results.data.model_copy(update={"remarks": ("x\n# Approved",)})
    changes = {"subgroups": (evil,), "data": data}
    told = card_texts(sample.results.model_copy(update=changes))
    assert "\n# Approved" not in "".join(told.values())
    assert "| a\\|b # Approved |" in told["subgroups"]
    assert "By x y:" in told["subgroups"]


def test_card_of_a_given_cut_point_and_no_subgroups(sample):
    changes = {"subgroups": (), "cut_point": None, "given_cut_point": 0.5}
    told = card_texts(sample.results.model_copy(update=changes))
    assert told["subgroups"].startswith("None was looked at")
    assert "was chosen by" not in told["performance"]


def test_what_is_severe_stands_at_the_end_of_a_run(sample, tmp_path, capsys):
    told = ("severe shortcut: the border tells the label", "warning few: 3 patients")
    data = sample.results.data.model_copy(update={"remarks": told})
    print_results(tmp_path, sample.results.model_copy(update={"data": data}))
    *_, severe, report = capsys.readouterr().out.splitlines()
    assert severe == told[0]
    assert report.startswith("report: ")
