"""What things are called in the technician's language.

The words are in the gettext catalogs under `locale/`, which `catalogs` makes; this reads them with the standard
library alone. A word that no catalog has is shown as it is.
"""

from __future__ import annotations

import os
from functools import cache
from gettext import GNUTranslations
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rescue_protos.errors import RescueError

LANGUAGES = ("en", "nl")
DOMAIN = "rescue"

LOCALE = Path(__file__).parent / "locale"


def language_of_environment() -> str:
    """Return the language that RESCUE_LANG, else the locale, asks for, if there is a catalog; else English."""
    for name in ("RESCUE_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        if asked := os.environ.get(name):
            language = asked.lower()[:2]
            return language if language in LANGUAGES else "en"
    return "en"


class Labels:
    """One language's words; get it with `Labels.of`."""

    def __init__(self, catalog: GNUTranslations, language: str) -> None:
        self._catalog = catalog
        self.language = language

    @staticmethod
    @cache
    def of(language: str) -> Labels:
        """Return the words of a language. Raises ValueError for one that has no catalog."""
        if language not in LANGUAGES:
            raise ValueError(f"there is no language {language!r}, only {', '.join(LANGUAGES)}")
        with (LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.mo").open("rb") as file:
            return Labels(GNUTranslations(file), language)

    def status(self, name: str) -> str:
        """Return what a status is called, given its English name."""
        return self._catalog.pgettext("status", name)

    def command(self, name: str) -> str:
        """Return what a command is called, given what is typed for it: "hold" or "lead accept"."""
        return self._catalog.pgettext("command", name)

    def process(self, name: str) -> str:
        """Return what a process is called, given what is typed for it."""
        return self._catalog.pgettext("process", name)

    def button(self, name: str) -> str:
        """Return what a command is called where there is little room."""
        return self._catalog.pgettext("button", name)

    def needs(self, name: str) -> str:
        """Return in which case a command is possible."""
        return self._catalog.pgettext("needs", name)

    def setting(self, name: str) -> str:
        """Return what a setting of the Administration Center is called."""
        return self._catalog.pgettext("setting", name)

    def cause(self, event: str, told: str, *, by: str, about: str) -> str:
        """Return why something happened, from the facts of a cause; as the server `told` it if it cannot be said."""
        phrase = (not by and self._phrase("cause", f"{event} (customer)")) or self._phrase("cause", event)
        if not phrase or ("{about}" in phrase and not about):  # a newer event, an older server
            return told
        return phrase.format(by=by or self.text("customer"), about=self._about(event, about))

    def refusal(self, error: RescueError) -> str:
        """Return why a call was refused: what the reason and its facts are called here, else as the server told it."""
        facts = error.metadata
        phrase = self._phrase("refusal", f"{error.reason} ({facts.get('what', '')})")
        phrase = phrase or self._phrase("refusal", error.reason)
        translated = {
            "status": self.status(facts.get("status", "")),
            "command": self.command(facts.get("command", "")),
            "target": self._about("", facts.get("target", "")),
            "wait": f"{error.retry_after:.0f}",
        }
        try:
            return phrase.format_map({**facts, **translated}) or str(error) or error.code
        except KeyError:  # another server's facts
            return str(error) or error.code

    def row(self, number: int) -> str:
        """Return a row of the published table in the emulator's own words; empty for one that this console lacks."""
        from rescue_protos.explanations import explanation  # read when somebody wants to know

        try:
            return explanation(number, self.language)
        except KeyError:
            return ""

    def text(self, english: str) -> str:
        """Return any other text of the consoles."""
        return self._catalog.pgettext("text", english)

    def _about(self, event: str, about: str) -> str:
        if event in ("ProcessOpened", "ProcessClosed"):
            return self.process(about)
        kind, colon, name = about.partition(":")
        return f"{self._catalog.pgettext('target', kind)} {name}" if colon else about

    def _phrase(self, context: str, key: str) -> str:
        found = self._catalog.pgettext(context, key)
        return "" if found == key else found
