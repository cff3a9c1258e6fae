"""Pages of studies: what is shown first, what is not shown, and whose it is."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path
from uuid import UUID

import pytest
from PIL import Image

from hierclf.web.database import Database
from hierclf.web.passwords import Hasher
from hierclf.web.rendering import beside
from tests.web.conftest import Hours
from tests.web.ward import ABOUT, SICK, WELL, Ward, result_of

EVIL = '<img src=x onerror="alert(1)">\'.png'
HOLD = "d94b2fb5-6f4e-4b1e-8a4c-0a6f3f4d1a11"


@pytest.fixture
def ward(tmp_path: Path, light: Database, hours: Hours, hasher: Hasher) -> Ward:
    return Ward(tmp_path, light, hours, hasher)


def _png() -> bytes:
    held = io.BytesIO()
    Image.new("L", (64, 64), 90).save(held, "PNG")
    return held.getvalue()


def _words(page: str) -> str:
    main = page[page.index("<main") : page.index("</main>")]
    return " ".join(re.sub(r"<[^>]*>", " ", main).split())


def test_an_upload_goes_to_its_page(ward: Ward) -> None:
    browser = ward.browser("Ben")
    told = {"data": {"csrf": browser.token()}, "files": {"file": ("a.png", _png())}}
    answer = browser.post("/studies", **told)
    assert answer.status_code == 303
    page = browser.get(answer.headers["location"]).text
    assert "Waiting" in _words(page)
    assert f'data-wait="{answer.headers["location"]}/state"' in page


def test_a_script_is_told_the_number_of_its_upload(ward: Ward) -> None:
    browser = ward.browser("Ben")
    told = {"data": {"csrf": browser.token(), "batch": HOLD}}
    accept = {"accept": "application/json", "idempotency-key": "k"}
    for _ in range(2):
        files = {"file": ("a.png", _png())}
        answer = browser.post("/studies", files=files, headers=accept, **told)
        assert answer.status_code == 201
    rows = ward.services.studies.of_batch(ward.ben.id, HOLD)
    assert [row.id for row in rows] == [answer.json()["id"]]


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_an_upload_that_is_refused_says_why(ward: Ward, accept: str) -> None:
    browser = ward.browser("Ben")
    answer = browser.post(
        "/studies",
        data={"csrf": browser.token()},
        files={"file": ("a.png", b"GIF89a")},
        headers={"accept": accept},
    )
    assert answer.status_code == 422
    assert "The file is no PNG, JPEG, TIFF or DICOM. Export" in answer.text


def test_the_start_page_tells_what_is_taken(ward: Ward) -> None:
    ward.study(result_of(WELL), name="latest.png")
    page = ward.browser("Ben").get("/").text
    told = _words(page)
    assert "up to 20 MB each" in told
    assert "deleted after 30 days" in told
    assert "latest.png Healthy" in told
    assert 'data-largest="20000000"' in page
    assert 'accept=".png,.jpg,.jpeg,.tif,.tiff,.dcm,.dicom,application/dicom"' in page


def test_a_decision_is_in_words_and_numbers(ward: Ward) -> None:
    row = ward.study(result_of(SICK, warnings=("odd <tag>",), lungs_found="no"))
    page = ward.browser("Ben").get(f"/studies/{row.id}").text
    told = _words(page)
    assert "Diseased: severe The screen score reaches the cut point, and" in told
    assert "Screen score 0.800 on a scale from 0, healthy, to 1" in page
    assert "the cut point is 0.42" in page
    assert "severe decided 50.0 %" in told
    assert "odd &lt;tag&gt;" in page
    assert "No lungs were found" in told
    assert "Share of the heat in each box: 62.5" in told
    assert 'viewBox="0 0 8 8"' in page
    assert '<rect x="1" y="2" width="4" height="4"/>' in page
    assert ward.lines()[-1] == "view"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_what_was_odd_about_a_file_is_said_in_words(ward: Ward, language: str) -> None:
    row = ward.study(result_of(SICK, warnings=("W_ORIENTATION", "W_NEW")))
    headers = {"accept-language": language}
    page = ward.browser("Ben").get(f"/studies/{row.id}", headers=headers).text
    known = {"en": "may lie on its side", "zh": "图像可能是横置的"}
    assert known[language] in page
    keys = {"en": "plus and minus zoom", "zh": "加号和减号缩放"}
    assert keys[language] in page
    assert "W_ORIENTATION" not in page
    assert '<p class="message bad" lang="en">W_NEW</p>' in page


def test_how_good_the_model_is_stands_beside_what_it_says(ward: Ward) -> None:
    row = ward.study(result_of(SICK))
    told = _words(ward.browser("Ben").get(f"/studies/{row.id}").text)
    assert "How good the model is Macro recall 87.6 % (62.2 % to 94.5 %)" in told
    assert "Sensitivity 90.0 % At the cut point" in told
    assert "Specificity" not in told
    assert "on 80 scans of 45 patients that were held out" in told
    assert "The baseline “flat” had 6.4 points more macro recall" in told
    assert "This model is below the baseline “&lt;b&gt;”, which had 12.3 points" in told
    for left in ("phantom", "changed after"):
        assert left not in told


def test_figures_of_phantoms_and_of_moved_cut_points_are_marked(ward: Ward) -> None:
    row = ward.study(result_of(SICK, action="out_of_scope"))
    changes = {"phantom": True, "is_moved": True}
    supervisor = ward.services.supervisor
    supervisor.about = ABOUT.model_copy(update=changes)
    told = _words(ward.browser("Ben").get(f"/studies/{row.id}").text)
    assert "How good the model is phantom Macro recall" in told
    assert "They are phantoms: these figures say nothing about patients." in told
    assert "The cut point was changed after this was measured." in told


def test_no_figures_of_another_model_are_shown(ward: Ward) -> None:
    row, supervisor = ward.study(result_of(SICK)), ward.services.supervisor
    for changes, words in (
        ({"digest": "b" * 64}, "Another model than the present one"),
        ({"measured": None}, "The card of this model does not say."),
    ):
        supervisor.about = ABOUT.model_copy(update=changes)
        page = ward.browser("Ben").get(f"/studies/{row.id}").text
        assert words in _words(page)
        assert "87.6" not in page
        assert 'href="/model"' in page[page.index("<main") :]
    supervisor.about = None
    page = ward.browser("Ben").get(f"/studies/{row.id}").text
    assert "Another model than the present one" in page


def test_a_healthy_scan_has_the_map_of_the_screen_alone(ward: Ward) -> None:
    row = ward.study(result_of(WELL))
    page = ward.browser("Ben").get(f"/studies/{row.id}").text
    assert "Healthy The screen score is below the cut point." in _words(page)
    assert 'data-heat="screen">' in page
    assert "refine" not in page


def test_a_refusal_goes_before_the_numbers(ward: Ward) -> None:
    row = ward.study(result_of(SICK, action="out_of_scope"))
    page = ward.browser("Ben").get(f"/studies/{row.id}").text
    told = _words(page)
    assert "Out of scope The scan is unlike those" in told
    assert "Diseased: severe" not in told
    assert told.index("Out of scope") < told.index("Screen score")
    hidden = page[page.index("<details>") : page.index("</details>")]
    assert "80.0" not in page.replace(hidden, "")
    assert re.findall(r'data-heat="\w+"([^>]*)>', page) == [" hidden"] * 2
    assert re.search(r'value="" checked', page)
    assert "0.800" not in ward.browser("Ben").get("/studies").text


def test_a_scan_for_a_reader_is_no_decision(ward: Ward) -> None:
    row = ward.study(result_of(SICK, action="reader"))
    told = _words(ward.browser("Ben").get(f"/studies/{row.id}").text)
    assert "For a reader The model is not sure enough" in told
    assert "By the cut point alone it would be: Diseased (severe)." in told


@pytest.mark.parametrize(("status", "word"), [("rejected", "Not"), ("error", "Failed")])
def test_a_file_without_a_score_says_why(ward: Ward, status: str, word: str) -> None:
    row = ward.study(status=status, code="E_TRUNCATED", message="expected <whole>")
    page = ward.browser("Ben").get(f"/studies/{row.id}").text
    assert word in _words(page)
    assert "The file ends too early" in page
    assert "expected &lt;whole&gt;" in page
    assert "%" not in _words(page)


def test_names_are_never_markup(ward: Ward) -> None:
    row = ward.study(result_of(SICK), name=EVIL, batch=HOLD)
    browser = ward.browser("Ben")
    for place in ("/", "/studies", f"/studies/{row.id}", f"/batches/{HOLD}"):
        page = browser.get(place).text
        assert "<img src=x" not in page
        assert "&lt;img src=x" in page


def test_others_studies_are_not_there(ward: Ward) -> None:
    row = ward.study(result_of(SICK), batch=HOLD)
    ada = ward.browser("Ada")
    names = ("", "/state", "/scan.png", "/heat-screen.png")
    places = [f"/studies/{row.id}{name}" for name in names]
    for place in (*places, f"/batches/{HOLD}", f"/batches/{HOLD}/state"):
        assert ada.get(place).status_code == 404, place
    assert ada.submit(f"/studies/{row.id}/delete").status_code == 404
    assert row.id not in ada.get("/studies.csv").text
    assert ward.services.studies.get(ward.ben.id, row.id) is not None


@pytest.mark.parametrize(
    "study", [str(UUID(int=7)), "1", "1'%20OR%201=1--", "%00", "a" * 99]
)
def test_numbers_of_no_study_are_not_there(ward: Ward, study: str) -> None:
    browser = ward.browser("Ben")
    for place in (f"/studies/{study}", f"/studies/{study}/state", f"/batches/{study}"):
        assert browser.get(place).status_code == 404


def test_pictures_are_given_and_uploads_are_not(ward: Ward) -> None:
    row, browser = ward.study(result_of(SICK)), ward.browser("Ben")
    answer = browser.get(f"/studies/{row.id}/scan.png")
    assert answer.headers["content-type"] == "image/png"
    assert Image.open(io.BytesIO(answer.content)).size == (8, 8)
    for name in ("original", "original.png", "heat-screen.png", "..%2Fx.png"):
        assert browser.get(f"/studies/{row.id}/{name}").status_code == 404


def test_the_state_counts_what_waits(ward: Ward) -> None:
    first, second = ward.study(), ward.study(owner=ward.ada)
    browser = ward.browser("Ben")
    told = browser.get(f"/studies/{first.id}/state").json()
    assert told == {"status": "queued", "code": "", "waiting": 2}
    ward.services.studies.delete(ward.ada.id, second.id)
    done = ward.study(result_of(WELL))
    told = browser.get(f"/studies/{done.id}/state").json()
    assert told == {"status": "done", "code": "", "waiting": 0}


def test_studies_are_searched_and_paged(ward: Ward) -> None:
    for number in range(26):
        ward.study(name=f"ward-{number}.png")
    ward.study(result_of(SICK), name="100%.png")
    browser = ward.browser("Ben")
    first = browser.get("/studies").text
    assert first.count("<tr>") == 1 + 25
    assert "Page 1 of 2" in first
    assert 'rel="next" href="/studies?page=2"' in first
    assert browser.get("/studies?page=2").text.count("<tr>") == 1 + 2
    told = browser.get("/studies?text=ward&status=running&page=2").text
    assert 'href="/studies?text=ward&amp;status=running&amp;page=1"' in told
    assert '<option value="running" selected>' in told
    assert "100%.png" in browser.get("/studies?text=%25").text
    assert "Found: 1" in browser.get("/studies?decision=diseased").text
    assert "No study fits." in browser.get("/studies?text=zzz").text


@pytest.mark.parametrize(
    "asked",
    [
        "page=0",
        "page=-1",
        "page=x",
        "page=99999999999",
        "page=²",
        "status=x",
        "text=%00",
    ],
)
def test_odd_questions_are_answered(ward: Ward, asked: str) -> None:
    ward.study()
    answer = ward.browser("Ben").get(f"/studies?{asked}")
    assert answer.status_code == 200
    assert "scan.png" in answer.text


def test_the_table_has_all_numbers_and_no_formula(ward: Ward) -> None:
    ward.study(name="=cmd|' /C calc'!A0.png", status="error", code="E_DECODE")
    ward.study(result_of(SICK))
    answer = ward.browser("Ben").get("/studies.csv")
    assert "attachment" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    by_status = {row["status"]: row for row in rows}
    assert float(by_status["done"]["screen_score"]) == 0.8
    assert float(by_status["done"]["p_severe"]) == 0.5
    assert by_status["error"]["name"].startswith("'=cmd")
    assert by_status["error"]["p_severe"] == ""
    assert ward.lines()[-1] == "export"


def test_a_study_is_deleted_with_its_files(ward: Ward) -> None:
    row = ward.study(result_of(SICK))
    answer = ward.browser("Ben").submit(f"/studies/{row.id}/delete")
    assert (answer.status_code, answer.headers["location"]) == (303, "/studies")
    assert ward.services.studies.get(ward.ben.id, row.id) is None
    assert not (ward.folder / "studies" / row.id).exists()
    assert ward.lines()[-1] == "delete"


def test_a_batch_shows_how_far_it_is(ward: Ward) -> None:
    ward.study(result_of(SICK), batch=HOLD, name="one.png")
    ward.study(batch=HOLD, name="two.png")
    ward.study(name="other.png")
    browser = ward.browser("Ben")
    page = browser.get(f"/batches/{HOLD}").text
    assert "Scans that are finished 1 / 2" in _words(page)
    assert f'data-batch-wait="/batches/{HOLD}/state"' in page
    assert "other.png" not in page
    counts = browser.get(f"/batches/{HOLD}/state").json()
    assert counts == {"queued": 1, "running": 0, "done": 1, "rejected": 0, "error": 0}


@pytest.mark.parametrize("score", [0.41999999, 0.42, 0.42000001, 0.0, 1.0])
def test_a_score_is_seen_on_its_side_of_the_cut_point(score: float) -> None:
    assert (float(beside(score, 0.42)) >= 0.42) == (score >= 0.42)
