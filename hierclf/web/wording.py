"""What the pages say, in the language of who reads them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from hierclf.web.dependencies import Language
from hierclf.web.wording_chinese import AUDIT, CARD, CHINESE
from hierclf.web.wording_english import ENGLISH

_WORDS: Mapping[Language, Mapping[str, str]] = MappingProxyType(
    {"en": ENGLISH, "zh": CHINESE}
)
_OF_SCRIPTS = ("js_", "advice_", "state_", "E_")


def words(language: Language) -> Mapping[str, str]:
    """Give all words of a language.

    Parameters
    ----------
    language : {"en", "zh"}
        Simplified Chinese is ``zh``.

    Returns
    -------
    words : mapping of str to str
        The same keys in each language.

    Examples
    --------
    >>> words("en")["sign_in"], words("zh")["sign_in"]
    ('Sign in', '登录')
    """
    return _WORDS[language]


def script_words(language: Language) -> dict[str, str]:
    """Give the words that scripts need."""
    found = words(language).items()
    return {key: text for key, text in found if key.startswith(_OF_SCRIPTS)}


def card_words(language: Language) -> Mapping[str, str]:
    """Give what is said for the parts of model cards that are the same in all."""
    return CARD if language == "zh" else {}


def audit_words(language: Language) -> Mapping[str, str]:
    """Give what is said for acts and facts of the audit log, which is in English."""
    return AUDIT if language == "zh" else {}


def why_no_score(language: Language, code: str) -> str:
    """Say in plain words why a file has no score.

    Examples
    --------
    >>> why_no_score("en", "E_EMPTY")
    'The file is empty. Copy it again.'
    """
    found = words(language)
    return found.get(code, found["E_OTHER"])
