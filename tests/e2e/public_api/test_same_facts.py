"""Every reading method tells the same by text GET, text POST, a POST with the query alone, SOAP 1.1 and SOAP 1.2.

It goes over the table of operations, so a new method is compared by being there.
"""

from __future__ import annotations

from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import pytest
import pytest_asyncio

from rescue_api.answers import Kind, Style
from rescue_api.calls import Operation, Parameter
from rescue_api.operations import OPERATIONS
from rescue_api.soap import word_of
from rescue_api.words import EVERYWHERE, Word
from tests.e2e.public_api.conftest import Api
from tests.e2e.public_api.test_soap import ENVELOPES, NS, envelope, post

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(90)]
READING = [one for one in OPERATIONS if one.in_text and one.soap and one.name.startswith(("get", "is"))]
Facts = list[dict[str, str]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def given(api: Api) -> dict[str, str]:
    """Arguments by the parameter's name, of a session that waits."""
    session, pin = await api.alice.pin("Ms Vos")
    await api.world.computer(pin=pin)
    await api.alice.sees(session, "Waiting")
    code = api.authcode()
    return {
        "authcode": code,
        "node": str(api.node("alice", code)),
        "nodeid": str(api.node("alice", code)),
        "channelid": str(api.node("Web", code)),
        "session": session,
        "email": "alice@rescue.test",
    }


def argument(parameter: Parameter, given: dict[str, str]) -> str:
    if parameter.name in given:
        return given[parameter.name]
    if parameter.values is not None:
        return parameter.values.values[0]
    return {Kind.INT: "1", Kind.BOOLEAN: "false"}.get(parameter.kind, "")


def by_text(operation: Operation, body: str) -> Facts | str:
    """The facts of a text answer by the column's key; the word of a failure."""
    keys = {column.title: column.key for column in operation.shape.columns if column.title and column.element}
    if operation.shape.style is Style.TRUTH:
        return [{keys["Available"]: body.lower()}] if body in ("TRUE", "FALSE") else body
    if not body.startswith("OK"):
        return body
    head, _, rest = body.partition("\n\n")
    assert head == "OK"
    if operation.shape.style is Style.BODY:
        return [{column.key: rest for column in operation.shape.columns}]
    if operation.shape.style is Style.LINES:
        title, _, text = rest.partition(":")
        return [{keys[title]: text}]
    if operation.shape.style is Style.TABLE:
        header, *rows = [line.split("|") for line in rest.splitlines()]
        return [{keys[title]: value for title, value in zip(header, row, strict=True) if title in keys} for row in rows]
    records = [record for record in rest.split("\n\n") if record]
    lines = [[line.split(":", 1) for line in record.splitlines()] for record in records]
    return [{keys[title]: value for title, value in record if title in keys} for record in lines]


def by_soap(operation: Operation, body: str) -> Facts | str:
    """The same of an envelope."""
    answer = ElementTree.fromstring(body)[0][0]
    result = answer.findtext(f"{{{NS}}}{operation.soap}Result")
    words = {word_of(operation, word): word for word in (Word.OK, *EVERYWHERE, *operation.words)}
    word = words[str(result)]
    if word is not Word.OK:
        assert len(answer) == 1, "a failure is the word alone"
        return word.text
    shape, items = operation.shape, [answer]
    if shape.container:
        container = answer.find(f"{{{NS}}}{shape.container}")
        assert container is not None
        items = container.findall(f"{{{NS}}}{shape.item}") if shape.item else [container]
    whole = shape.style is Style.BODY
    both = [column for column in shape.columns if (column.title or whole) and column.element]
    return [{column.key: item.findtext(f"{{{NS}}}{column.element}") or "" for column in both} for item in items]


def equal_words(facts: Facts | str) -> Facts | str:
    """Truths are written True in text and true in SOAP."""
    if isinstance(facts, str):
        return facts
    truths = {"True": "true", "False": "false"}
    return [{key: truths.get(value, value) for key, value in one.items()} for one in facts]


@pytest.mark.parametrize("operation", READING, ids=lambda operation: operation.name)
@pytest.mark.parametrize("node", ["", "17", "none"])
async def test_a_method_tells_the_same_in_every_way(
    api: Api, given: dict[str, str], operation: Operation, node: str
) -> None:
    wrong = {"node": node, "nodeid": node, "channelid": node, "session": node} if node else {}
    arguments: dict[str, Any] = {one.name: argument(one, {**given, **wrong}) for one in operation.parameters}
    texts = [
        api.body(operation.name, **arguments),
        api.call(operation.name, post=True, **arguments).body,
        api.call(operation.name.upper(), **{name.upper(): value for name, value in arguments.items()}).body,
    ]
    assert len(set(texts)) == 1
    expected = equal_words(by_text(operation, texts[0]))
    inner = "".join(
        f"<{one.element}>{escape(arguments[one.name])}</{one.element}>" for one in operation.parameters if one.element
    )
    for content_type in ENVELOPES:
        asked = envelope(f'<{operation.soap} xmlns="{NS}">{inner}</{operation.soap}>', content_type)
        answer = post(api, asked, content_type)
        assert answer.status == 200
        assert equal_words(by_soap(operation, answer.body)) == expected
    known = {word.text for word in (*EVERYWHERE, *operation.words)}
    assert not isinstance(expected, str) or expected in known, "a word that the table does not name"


async def test_there_is_something_to_compare(api: Api, given: dict[str, str]) -> None:
    assert {"getSession_v3", "getHierarchy", "getAccount"} <= {one.name for one in READING}
    assert given["session"] in api.body("getSession_v3", authcode=given["authcode"], node=given["node"])
