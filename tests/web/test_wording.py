"""The two languages say the same things."""

from __future__ import annotations

import re
from string import Formatter
from typing import get_args

import pytest

from hierclf.bundle.info import CARD as SAID
from hierclf.config.serving import NOTICE
from hierclf.data.pixels import Scan
from hierclf.web.admin_pages import Act
from hierclf.web.rendering import STATIC
from hierclf.web.wording import (
    audit_words,
    card_words,
    script_words,
    why_no_score,
    words,
)
from hierclf.web.wording_chinese import AUDIT, CARD, CHINESE
from hierclf.web.wording_english import ENGLISH

TEMPLATES = STATIC.parent / "templates"


def _places(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_both_languages_have_the_same_keys_in_the_same_order() -> None:
    assert list(ENGLISH) == list(CHINESE)


@pytest.mark.parametrize("key", ENGLISH)
def test_templates_find_a_word_by_its_name(key: str) -> None:
    """A mapping has `keys` and `items` of its own, which they would find first."""
    assert not hasattr(ENGLISH, key)


@pytest.mark.parametrize("key", ENGLISH)
def test_what_is_filled_in_is_the_same(key: str) -> None:
    assert _places(ENGLISH[key]) == _places(CHINESE[key])
    assert CHINESE[key].strip()


def test_chinese_is_chinese() -> None:
    latin = {
        key
        for key, text in CHINESE.items()
        if not re.search("[一-鿿\u3002\uff1a]", text)
    }
    assert latin == set()


def test_every_word_that_templates_ask_for_is_there() -> None:
    text = "".join(path.read_text() for path in TEMPLATES.glob("*.j2"))
    asked = set(re.findall(r"\bt\.([a-z_]+)", text))
    assert len(asked) > 100
    assert asked <= set(ENGLISH)


def test_every_word_that_scripts_ask_for_is_sent() -> None:
    script = (STATIC / "app.js").read_text()
    asked = set(re.findall(r"words\.([a-z_0-9]+)", script))
    assert asked
    assert asked <= set(script_words("zh"))


def test_every_oddity_of_a_file_has_words() -> None:
    codes = set(re.findall(r"``(W_[A-Z_]+)``", str(Scan.__doc__)))
    assert len(codes) == 7
    assert codes <= set(ENGLISH)


def test_what_every_card_says_is_said_in_chinese() -> None:
    shared = {one.strip("*") for one in CARD}
    assert set(SAID.values()) <= shared
    earlier = "Data scientists who know where the training scans come from."
    assert earlier in shared  # said by bundles that are older
    assert "physicians" in SAID["users"]
    assert "not for the care of patients" in SAID["users"]
    assert "not a medical device" in SAID["notice"]
    headings = {one.replace("_", " ").capitalize() for one in SAID if one != "notice"}
    assert headings <= set(CARD)
    assert card_words("zh") == CARD
    assert card_words("en") == {}


def test_every_act_in_the_audit_log_is_said_in_chinese() -> None:
    folder = STATIC.parent
    source = "".join(path.read_text() for path in folder.glob("*.py"))
    calls = re.findall(r"audit\.write\((.*?)\)\n", source, re.DOTALL)
    acts = {act for call in calls for act in re.findall(r', "([a-z -]+)"', call)}
    facts = {name for call in calls for name in re.findall(r"\b([a-z0-9_]+)=", call)}
    acts |= {f"account {act}" for act in get_args(Act)}
    assert len(acts) > 15
    assert {"study", "cut_point"} <= facts
    assert acts | facts <= set(AUDIT)
    assert audit_words("zh") == AUDIT
    assert audit_words("en") == {}


def test_the_default_notice_is_in_both_languages() -> None:
    assert words("en")["notice"] == NOTICE


def test_a_code_without_words_has_general_ones() -> None:
    assert why_no_score("zh", "E_NEW") == CHINESE["E_OTHER"]
    assert why_no_score("en", "E_TS") == ENGLISH["E_TS"]
