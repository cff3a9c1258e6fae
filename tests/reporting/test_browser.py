"""Pages in a real browser: no error, no request, pages on paper, light and dark."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from hierclf.pictures.thumbnails import thumbnail
from hierclf.reporting.report import write_report
from hierclf.reporting.sweep_page import SweepResults, write_sweep

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
DARK = "--blink-settings=preferredColorScheme=0"

pytestmark = pytest.mark.skipif(
    BROWSER is None, reason="no Chromium here: apt-get install chromium"
)


@dataclass(frozen=True)
class Seen:
    """What a browser made of a page, and what it logged."""

    page: str
    log: str

    @property
    def console(self) -> list[str]:
        return [line for line in self.log.splitlines() if ":CONSOLE" in line]


def browse(folder: Path, *arguments: str) -> Seen:
    """Open a page without a screen."""
    quiet = (
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
        "--disable-background-networking", "--disable-component-update",
        "--disable-sync", "--no-first-run", "--disable-extensions", "--hide-scrollbars",
        "--enable-logging=stderr", "--v=0", f"--user-data-dir={folder / 'profile'}",
    )  # fmt: skip
    done = subprocess.run(
        [str(BROWSER), *quiet, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    return Seen(done.stdout, done.stderr)


def asked_for(log: Path) -> set[str]:
    """Addresses of the network log that a page asked for, not the browser itself."""
    text = log.read_text()
    events = json.loads(text)["events"]
    told = [event.get("params", {}) for event in events]
    return {
        one["url"]
        for one in told
        if "url" in one
        and one.get("initiator", "not an origin") != "not an origin"
        and not one["url"].startswith(("file:", "data:"))
    }


@pytest.fixture(scope="module")
def pages(sample, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    pixels = np.linspace(0, 1, 90_000).reshape(300, 300)
    shown = {one.scan: thumbnail(pixels) for one in sample.results.mistakes}
    write_report(folder, sample.results, sample.said, thumbnails=shown)
    results = sample.results
    swept = SweepResults(
        name="knee films",
        phantom=False,
        labels=results.labels,
        ordered=True,
        cut_point=results.cut_point,
    )
    write_sweep(folder, swept, sample.curve, sample.interval)
    (folder / "bad.html").write_text(
        "<script>console.error('oh'); fetch('http://127.0.0.1:9/asked')</script>"
    )
    return folder


@pytest.mark.parametrize("name", ["report.html", "sweep.html"])
def test_a_page_opens_without_an_error_or_a_request(pages, tmp_path, name):
    log = tmp_path / "net.json"
    told = browse(
        tmp_path, f"--log-net-log={log}", "--dump-dom", f"file://{pages}/{name}"
    )
    assert told.console == []
    assert asked_for(log) == set()


def test_errors_and_requests_would_be_seen(pages, tmp_path):
    log = tmp_path / "net.json"
    told = browse(
        tmp_path,
        f"--log-net-log={log}",
        "--screenshot=" + str(tmp_path / "bad.png"),
        "--virtual-time-budget=3000",
        f"file://{pages}/bad.html",
    )
    assert any("oh" in line for line in told.console)
    assert asked_for(log) == {"http://127.0.0.1:9/asked"}


@pytest.mark.parametrize(("name", "least"), [("report.html", 6), ("sweep.html", 1)])
def test_a_page_prints(pages, tmp_path, name, least):
    paper = tmp_path / "paper.pdf"
    browse(tmp_path, f"--print-to-pdf={paper}", f"file://{pages}/{name}")
    n_pages = len(re.findall(rb"/Type\s*/Page\b", paper.read_bytes()))
    assert least <= n_pages <= 40


@pytest.mark.parametrize(("extra", "is_dark"), [((), False), ((DARK,), True)])
def test_a_page_follows_light_and_dark(pages, tmp_path, extra, is_dark):
    shot = tmp_path / "shot.png"
    browse(
        tmp_path,
        *extra,
        "--window-size=1000,1400",
        f"--screenshot={shot}",
        f"file://{pages}/report.html",
    )
    gray = np.asarray(Image.open(shot).convert("L"))
    assert gray.shape == (1400, 1000)
    assert (np.median(gray) < 64) == is_dark
    assert (np.median(gray) > 192) != is_dark
    assert np.count_nonzero(np.abs(gray.astype(int) - np.median(gray)) > 100) > 5000


def test_nothing_is_wider_than_a_telephone(pages, tmp_path):
    """A script in a copy of the page tells how far it can be moved sideways."""
    page = (pages / "report.html").read_text().replace("default-src 'none'", "")
    probe = "<script>document.title = 'wide ' + document.body.scrollWidth</script>"
    (tmp_path / "probe.html").write_text(page.replace("</body>", probe + "</body>"))
    told = browse(
        tmp_path, "--window-size=500,900", "--dump-dom", f"file://{tmp_path}/probe.html"
    )
    assert int(re.search(r"<title>wide (\d+)</title>", told.page)[1]) <= 500
