"""The texts of a screen that shows the computer: a terminal or a page. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rescue_common.languages import catalog_of

if TYPE_CHECKING:
    from rescue_applet.events import Error


def problem(error: Error, language: str) -> str:
    """Return what could not be done: in English the error's own message, else the translation, if there is one."""
    catalog = catalog_of(language)
    return catalog.find("computer problem", error.reason) or catalog.text("computer problem", error.message)


def text(english: str, language: str) -> str:
    """Return a text in a language; one that no catalog has is shown as it is."""
    return catalog_of(language).text("computer", english)
