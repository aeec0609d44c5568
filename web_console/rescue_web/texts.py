"""Everything that the pages show in a language.

Statuses, commands, settings and causes have the consoles' names, so that a technician reads the same word everywhere.
What only a web page needs has its own context in the catalogs.
"""

from __future__ import annotations

from functools import cache

from rescue_client.records import Status
from rescue_common.languages import catalog_of
from rescue_console.labels import UNKNOWN_UPDATE, Labels
from rescue_console.urgency import END_FOR_ALL, LEAVE


@cache
def page_texts(language: str) -> dict[str, object]:
    """Return all texts of a language, as pages take them."""
    catalog = catalog_of(language)
    labels = Labels.of(language)
    contexts = ("command", "needs", "process", "setting", "computer", "computer problem")
    return {
        "language": language,
        "status": {name: labels.status(name) for name in Status},
        **{context: {key: catalog.text(context, key) for key in catalog.keys(context)} for context in contexts},
        "text": {english: catalog.text("web", english) for english in catalog.keys("web")}
        | {english: catalog.text("text", english) for english in (LEAVE, END_FOR_ALL, UNKNOWN_UPDATE)},
    }


def page_text(template: str, language: str, **facts: str) -> str:
    """Return one text of the pages with its facts; one that no catalog has stays English."""
    text = catalog_of(language).text("web", template)
    return text.format_map(facts) if facts else text
