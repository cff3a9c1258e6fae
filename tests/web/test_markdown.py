"""Cards as HTML: nothing in them becomes HTML of its own."""

from __future__ import annotations

from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from hierclf.web.markdown import markdown

KNOWN = {"h2", "h3", "p", "ul", "li", "strong", "code"}
KNOWN |= {"h4", "h5", "table", "thead", "tbody", "tr", "th", "td"}


def test_blocks() -> None:
    text = "# A\n\nb\nc\n\n- d\n- e **f**\n  g\n\n## `h`"
    assert markdown(text, top=2).splitlines() == [
        "<h2>A</h2>",
        "<p>b",
        "c</p>",
        "<ul><li>d</li><li>e <strong>f</strong>",
        "  g</li></ul>",
        "<h3><code>h</code></h3>",
    ]


def test_tables() -> None:
    assert markdown("| A | B |\n| --- | --: |\n| 1 | <2> |") == (
        "<table><thead><tr><th>A</th><th>B</th></tr></thead>"
        "<tbody><tr><td>1</td><td>&lt;2&gt;</td></tr></tbody></table>"
    )


def test_what_is_said_in_another_language_is_marked() -> None:
    said = {"Users": "A & <b>", "**One.**": "**Two.**", "x": "y"}
    found = markdown("## Users\n\n**One.**\n\nOther.", top=2, said=said, language="zh")
    assert found.splitlines() == [
        '<h3 lang="zh">A &amp; &lt;b&gt;</h3>',
        '<p lang="zh"><strong>Two.</strong></p>',
        "<p>Other.</p>",
    ]


class Seen(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[tuple[str, list[tuple[str, str | None]]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, attrs))


@given(st.text(alphabet="<>&\"'*`#-| \nab/=", max_size=60))
def test_no_text_makes_other_tags(text: str) -> None:
    seen = Seen()
    seen.feed(markdown(text, top=2))
    assert {tag for tag, _ in seen.tags} <= KNOWN
    assert not [attrs for _, attrs in seen.tags if attrs]
