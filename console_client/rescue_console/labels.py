"""The names of statuses, commands and settings, and the sentences about them, in the technician's language.

The statuses come from the published table, everything else from the catalogs of `rescue_common.languages`. A name
that no catalog has is shown as it is.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING

from rescue_common.causes import CodedCause, sentence, target_name
from rescue_common.languages import Catalog, catalog_of
from rescue_protos import status_table
from rescue_protos.errors import InvalidArgument

if TYPE_CHECKING:
    from rescue_client.records import Entry
    from rescue_console.commands import BadLine
    from rescue_protos.errors import RescueError


UNKNOWN_UPDATE = "A newer server reports something that this program does not know."
"""The English text for an update of an unknown kind."""


class Labels:
    """The labels of one language; get it with `Labels.of`."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.language = catalog.language

    @staticmethod
    @cache
    def of(language: str) -> Labels:
        """Return the labels of a language. Raises ValueError for one that has no catalog."""
        return Labels(catalog_of(language))

    def status(self, name: str) -> str:
        """Return what a status is called, given its English name."""
        published = status_table.labels(self.language)
        return published[name] if name in published else self.text(name)

    def command(self, name: str) -> str:
        """Return what a command is called, given what is typed for it: "hold" or "lead accept"."""
        return self._catalog.text("command", name)

    def process(self, name: str) -> str:
        """Return what a process is called, given what is typed for it."""
        return self._catalog.text("process", name)

    def button(self, name: str) -> str:
        """Return what a command is called where there is little room."""
        return self._catalog.text("button", name)

    def needs(self, name: str) -> str:
        """Return in which case a command is possible."""
        return self._catalog.text("needs", name)

    def setting(self, name: str) -> str:
        """Return what a setting of the Administration Center is called."""
        return self._catalog.text("setting", name)

    def cause(self, cause: CodedCause, text: str) -> str:
        """Return why something happened; the server's `text` if this console has no sentence for the code."""
        return sentence(cause, self.language) or text

    def refusal(self, error: RescueError) -> str:
        """Return why a call was refused; the server's own sentence if the catalog has none for the reason."""
        facts = error.metadata
        if error.reason == InvalidArgument.reason:
            return self._bad_value(error)
        phrase = self._catalog.find("refusal", f"{error.reason} ({facts.get('what', '')})")
        phrase = phrase or self._catalog.find("refusal", error.reason)
        translated = {
            "status": self.status(facts.get("status", "")),
            "command": self.command(facts.get("command", "")),
            "target": target_name(self._catalog, facts.get("target", "")),
            "process": self.process(facts.get("process", "")),
            "wait": f"{error.retry_after:.0f}",
        }
        try:
            return phrase.format_map({**facts, **translated}) or str(error) or error.code
        except KeyError:  # another server's facts
            return str(error) or error.code

    def _bad_value(self, error: RescueError) -> str:
        facts = error.metadata
        field = self._catalog.text("field", facts.get("field", ""))
        with suppress(KeyError):  # another server's facts
            if wrong := self._catalog.find("wrong value", facts.get("wrong", "")).format_map(facts):
                return f"{field}: {wrong}"
        return str(error)

    def bad_line(self, error: BadLine) -> str:
        """Return what is wrong with a line, without its usage."""
        facts = {name: self._catalog.text("bad line", fact) for name, fact in error.facts.items()}
        return self._catalog.text("bad line", error.template).format_map(facts)

    def customer(self, entry: Entry | None) -> str:
        """Return by which name the customer's chat lines are signed; one that a technician has is marked."""
        if entry is None or not entry.customer:
            return self.text("customer")
        is_taken = entry.customer.casefold() in {who.technician.casefold() for who in entry.participants}
        return f"{entry.customer} ({self.text('customer')})" if is_taken else entry.customer

    def row(self, number: int) -> str:
        """Return a row of the published table in the emulator's own words; empty for one that this console lacks."""
        from rescue_protos.explanations import explanation  # loaded at the first use

        try:
            return explanation(number, self.language)
        except KeyError:
            return ""

    def text(self, english: str) -> str:
        """Return any other text of the consoles."""
        return self._catalog.text("text", english)
