"""The languages of the programs, and the catalogs of their texts.

Each language has a gettext catalog: people edit `locale/LANGUAGE/LC_MESSAGES/rescue.po`, and `make catalogs` compiles
it to the `rescue.mo` that is read here with the standard library alone. A context keeps equal keys apart: "Close" of
the web page is not "close" of the toolbar. The source texts are English.

The statuses and the explanations of the published table are not here: they stand in the CSV files of `rescue_protos`.
"""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LANGUAGES = ("en", "nl")
DOMAIN = "rescue"
LOCALE = Path(__file__).parent / "locale"


def language_of_environment() -> str:
    """Return the language that RESCUE_LANG, else the locale, asks for, if there is a catalog; else English."""
    for name in ("RESCUE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if wanted := os.environ.get(name):
            language = wanted.lower()[:2]
            return language if language in LANGUAGES else "en"
    return "en"


class Catalog:
    """The texts of one language; get it with `catalog_of`."""

    def __init__(self, language: str, texts: Mapping[str, Mapping[str, str]]) -> None:
        self.language = language
        self._texts = texts

    def text(self, context: str, key: str) -> str:
        """Return the text of a key; the key itself if the catalog does not have it."""
        return self.find(context, key) or key

    def find(self, context: str, key: str) -> str:
        """Return the text of a key; empty if the catalog does not have it."""
        return self._texts.get(context, {}).get(key, "")

    def keys(self, context: str) -> tuple[str, ...]:
        """Return the keys of a context that have a text."""
        return tuple(self._texts.get(context, ()))


@cache
def catalog_of(language: str) -> Catalog:
    """Return the catalog of a language, which is read once. Raises ValueError for a language that has none."""
    if language not in LANGUAGES:
        raise ValueError(f"there is no language {language!r}, only {', '.join(LANGUAGES)}")
    from gettext import GNUTranslations  # needed only where a text is shown

    class Reader(GNUTranslations):
        _catalog: dict[str, str]  # "CONTEXT\x04KEY" and its text

    with (LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.mo").open("rb") as file:
        messages = Reader(file)._catalog
    texts: dict[str, dict[str, str]] = {}
    for name, text in messages.items():
        context, separator, key = name.partition("\x04")
        if separator:
            texts.setdefault(context, {})[key] = text
    return Catalog(language, texts)
