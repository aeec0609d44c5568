"""One call in each way that there is: text by GET and by POST, SOAP 1.1 and 1.2, from the table of operations."""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from rescue_api.calls import Operation
from rescue_api.operations import OPERATIONS
from rescue_api.soap import word_of
from rescue_api.words import Word
from tests.e2e.public_api.conftest import Api
from tests.e2e.public_api.test_soap import ENVELOPES, NS, envelope, post

WAYS = ("GET", "POST", *ENVELOPES)


def ask(api: Api, way: str, method: str, **given: Any) -> str:
    """Call a method in one way; return its word, OK if it succeeded."""
    if way in ("GET", "POST"):
        return api.body(method, post=way == "POST", **given).partition("\n")[0]
    operation = named(method)
    known = {parameter.name: parameter.element for parameter in operation.parameters}
    inner = "".join(
        f"<{known[name.lower()]}>{escape(str(value))}</{known[name.lower()]}>" for name, value in given.items()
    )
    asked = envelope(f'<{operation.soap} xmlns="{NS}">{inner}</{operation.soap}>', way)
    answer = ElementTree.fromstring(post(api, asked, way).body)
    (result,) = answer.iter(f"{{{NS}}}{operation.soap}Result")
    return next(word.text for word in Word if word_of(operation, word) == result.text)


def ask_every_way(api: Api, method: str, **given: Any) -> str:
    """Call a method in each way that it has; return its word, which must be the same."""
    operation = named(method)
    ways = [way for way in WAYS if (operation.soap if way in ENVELOPES else operation.in_text)]
    words = {way: ask(api, way, method, **given) for way in ways}
    assert len(set(words.values())) == 1, words
    return words[ways[0]]


def named(method: str) -> Operation:
    """Return the row of a method."""
    return next(one for one in OPERATIONS if one.name.lower() == method.lower())


def outs(api: Api, method: str, **given: Any) -> dict[str, str]:
    """Call a method by SOAP 1.1; return the elements of its answer that have no children."""
    operation = named(method)
    known = {parameter.name: parameter.element for parameter in operation.parameters}
    inner = "".join(f"<{known[name]}>{escape(str(value))}</{known[name]}>" for name, value in given.items())
    asked = envelope(f'<{operation.soap} xmlns="{NS}">{inner}</{operation.soap}>', next(iter(ENVELOPES)))
    answer = ElementTree.fromstring(post(api, asked).body)
    return {one.tag.partition("}")[2]: one.text or "" for one in answer.iter() if not len(one)}
