"""The sentence of a cause, in English or in Dutch, from its code and its facts.

The server's core and the wire carry codes: the name of the stored event, and after a dot what tells its variants
apart, for example "SessionCreated.customer". The catalogs have a sentence for each code.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Protocol

from rescue_common.languages import Catalog, catalog_of


class CodedCause(Protocol):
    """What a sentence is made from. `about` and `facts` are described with the message `Cause` of the contract."""

    @property
    def code(self) -> str: ...
    @property
    def technician(self) -> str: ...
    @property
    def about(self) -> str: ...
    @property
    def facts(self) -> Mapping[str, str]: ...


def sentence(cause: CodedCause, language: str = "en") -> str:
    """Return why something happened, without the full stop; empty if the code is not known or a fact is missing."""
    return _sentence(language, cause.code, cause.technician, cause.about, tuple(cause.facts.items()))


@lru_cache(maxsize=256)  # one event may update the queues of hundreds of technicians
def _sentence(language: str, code: str, by: str, about: str, others: tuple[tuple[str, str], ...]) -> str:
    catalog = catalog_of(language)
    # Only the first start of the server changes the organization without a user.
    facts = {"by": by or catalog.text("cause", "the first start"), **dict(others)}
    if about:
        facts |= {"about": about, "process": catalog.text("process", about), "target": target_name(catalog, about)}
    try:
        found = catalog.find("cause", code).format_map(facts)
        if "through_api" not in facts:
            return found
        form = catalog.text("text", "{sentence} ({name}, through the API)")
        return form.format(sentence=found, name=facts["through_api"])
    except KeyError:
        return ""


def target_name(catalog: Catalog, target: str) -> str:
    """Return the name of a target: "group:Network" is "group Network" in English."""
    kind, colon, name = target.partition(":")
    return f"{catalog.text('target', kind)} {name}" if colon else target
