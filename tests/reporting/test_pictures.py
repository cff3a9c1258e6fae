from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from PIL import Image

from hierclf.pictures import drawing as pictures
from hierclf.pictures.drawing import draw_picture, figure_names

WORDS = {"title": "A line", "caption": "It rises.", "alt": "A rising line."}


def draw(figure):
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color=pictures.BLUE, label=r"a $\frac{1 $ <script>")
    axes.legend()


def make(*, phantom=False):
    return draw_picture("line", draw, size=(3, 2), phantom=phantom, **WORDS)


@pytest.fixture(scope="module")
def line():
    return make()


def test_same_figure_same_bytes_whatever_the_user_set(line):
    with mpl.rc_context({"lines.linestyle": ":", "savefig.dpi": 33, "font.size": 30}):
        assert make() == line


def test_nothing_says_when_or_by_what_it_was_made(line):
    assert b"date" not in line.svg
    assert b"Matplotlib" not in line.svg
    image = Image.open(io.BytesIO(line.png))
    assert set(image.info) == {"dpi"}
    assert image.size == (900, 600)
    assert line.width == 288


def test_svg_follows_the_page(line):
    text = line.svg.decode()
    rules, rest = text.split("</style>", 1)
    assert "prefers-color-scheme:dark" in rules
    assert not re.search("#[0-9a-f]{6}", rest)
    for color, dark in pictures._DARK.items():
        assert rules.count(color) == 1
        assert rules.count(f":{dark};") == 1
    used = set(re.findall(r"var\((--c\d)\)", rest))
    assert {"--c0", "--c1", "--c5"} <= used
    assert used <= set(re.findall(r"--c\d(?=:)", rules))


def test_svg_is_xml_without_script(line):
    names = {element.tag for element in ElementTree.fromstring(line.svg).iter()}  # noqa: S314
    assert not any("script" in str(name).lower() for name in names)
    encoded = line.data_uri.removeprefix("data:image/svg+xml;base64,")
    assert base64.b64decode(encoded) == line.svg


def test_phantom_is_said_in_figure_caption_and_text(line):
    phantom = make(phantom=True)
    assert b"<!-- PHANTOM: synthetic scans -->" in phantom.svg
    assert phantom.caption == "PHANTOM, no patients. It rises."
    assert phantom.alt == "PHANTOM, no patients. A rising line."
    assert phantom.png != line.png
    assert b"PHANTOM" not in line.svg
    assert (line.caption, line.alt) == ("It rises.", "A rising line.")


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        (["healthy", "$\\alpha$"], ["healthy", "$\\alpha$"]),
        (["healthy", "正常"], ["healthy", "#2"]),
        (["line\nbreak"], ["#1"]),
        (["x" * 16, "x" * 17], ["x" * 16, "xxxxxxx…xxxxxxxx"]),
        (["aaaaaaa 1 zzzzzzzzz", "aaaaaaa 2 zzzzzzzzz"], ["aaaaaaa…zzzzzzzz", "#2"]),
    ],
)
def test_figure_names(labels, names):
    assert figure_names(labels) == names


def test_pyplot_is_never_loaded():
    code = (
        "import sys, hierclf.reporting.report, hierclf.reporting.sweep_page as s;"
        "sys.exit('matplotlib.pyplot' in sys.modules or 'torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
