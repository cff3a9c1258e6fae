"""The Markdown of model cards as HTML: headings, paragraphs, lists, tables, marks."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from markupsafe import Markup, escape

_HEADING = re.compile(r"(#{1,4}) +(.+)")
_RULE = re.compile(r"\|( *:?-+:? *\|)+")
_MARKS = (
    (re.compile(r"\*\*(.+?)\*\*"), "strong"),
    (re.compile(r"`(.+?)`"), "code"),
)


_NOTHING: Mapping[str, str] = MappingProxyType({})


def markdown(
    text: str, *, top: int = 1, said: Mapping[str, str] = _NOTHING, language: str = ""
) -> Markup:
    """Write HTML.

    Parameters
    ----------
    text : str
        Headings (``#``), lists (``-``), tables (``|``), ``**strong**`` and code in
        backticks; all else is text. Nothing in it becomes HTML.
    top : int, default=1
        Level of the heading that ``#`` makes.
    said : mapping of str to str, optional
        What is said for headings and paragraphs in another language.
    language : str, default=""
        This other one, as HTML names it.

    Returns
    -------
    html : Markup
        Blocks.

    Examples
    --------
    >>> markdown("# A **b**", top=2)
    Markup('<h2>A <strong>b</strong></h2>')
    >>> markdown("- <a>")
    Markup('<ul><li>&lt;a&gt;</li></ul>')
    """
    blocks = (block for block in re.split(r"\n\s*\n", text) if block.strip())
    told = (_told(block.strip(), top, said, language) for block in blocks)
    return Markup("\n").join(told)


def _told(block: str, top: int, said: Mapping[str, str], language: str) -> Markup:
    mark, _, text = block.partition(" ") if block.startswith("#") else ("", "", block)
    if text not in said:
        return _block(block, top)
    name = f"h{len(mark) + top - 1}" if mark else "p"
    told = Markup('<{0} lang="{1}">{2}</{0}>')
    return told.format(name, language, _inline(said[text]))


def _block(block: str, top: int) -> Markup:
    heading = _HEADING.fullmatch(block)
    lines = block.splitlines()
    if heading:
        return _element(f"h{len(heading[1]) + top - 1}", _inline(heading[2]))
    if len(lines) > 1 and _RULE.fullmatch(lines[1]):
        return _table(lines)
    if block.startswith("- "):
        told = re.split(r"^- ", block, flags=re.MULTILINE)[1:]
        return _element("ul", _each("li", told))
    return _element("p", _inline(block))


def _table(lines: list[str]) -> Markup:
    head, _, *body = ([one.strip() for one in line.split("|")[1:-1]] for line in lines)
    rows = Markup("").join(_element("tr", _each("td", cells)) for cells in body)
    first = _element("thead", _element("tr", _each("th", head)))
    return _element("table", first + _element("tbody", rows))


def _each(name: str, texts: Iterable[str]) -> Markup:
    return Markup("").join(_element(name, _inline(one.strip())) for one in texts)


def _element(name: str, inside: Markup) -> Markup:
    return Markup("<{0}>{1}</{0}>").format(name, inside)


def _inline(text: str) -> Markup:
    found = str(escape(text))
    for mark, name in _MARKS:
        found = mark.sub(rf"<{name}>\1</{name}>", found)
    return Markup(found)  # noqa: S704 - escaped before it was marked
