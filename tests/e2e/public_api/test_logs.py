"""Chat logs and notes, byte by byte, as text and in SOAP."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from tests.e2e.public_api.conftest import Api
from tests.e2e.public_api.test_soap import ENVELOPES, NS, envelope, post

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(90)]
HEAD = "OK\n\nCHATLOG:"


def in_soap(api: Api, content_type: str, method: str, session: object, code: str) -> tuple[str, str | None]:
    inner = f'<{method} xmlns="{NS}"><iSessionID>{session}</iSessionID><sAuthCode>{code}</sAuthCode></{method}>'
    answer = ElementTree.fromstring(post(api, envelope(inner, content_type), content_type).body)
    result, value = f"{{{NS}}}{method}Result", f"{{{NS}}}{'sChatLog' if method == 'getChat' else 'sNote'}"
    return next(one.text or "" for one in answer.iter(result)), next((one.text for one in answer.iter(value)), None)


async def test_a_chat_log_is_the_same_everywhere(api: Api) -> None:
    code = api.authcode()
    session, pin = await api.alice.pin("Ms Vos")
    customer = await api.world.computer(pin=pin)
    await api.alice.sees(session, "Waiting")
    await api.alice.start(session)
    await api.alice.chat(session, "Is it <on>?")
    await customer.chat("yes: it is")
    await api.alice.note(session, "asked about the <cable>")
    await api.alice.hold(session)
    await api.alice.note(session, "bought: a new one")
    await api.alice.start(session)
    await customer.close()
    await api.alice.sees(session, "Closed")
    body = api.body("getChat", authcode=code, session=session)
    assert body.startswith(HEAD)
    lines = body.removeprefix(HEAD).split("\n")
    assert all(re.match(r"\d{1,2}:\d\d [AP]M ", line) for line in lines[:-1])
    assert [line.split(" ", 2)[2] for line in lines[:-1]] == [
        "Connecting to: Windows computer (127.0.0.1)",
        "Connected to: Windows computer (127.0.0.1)",
        "alice: Is it <on>?",
        "Ms Vos: yes: it is",
        "The customer ended the session.",
    ]
    assert lines[-1] == ""
    assert api.body("getChat", post=True, authcode=code, session=session) == body
    for content_type in ENVELOPES:
        assert in_soap(api, content_type, "getChat", session, code) == ("getChat_OK", body.removeprefix(HEAD))
    await api.alice.end(session)
    notes = "asked about the <cable>\nbought: a new one"
    assert api.body("getNote", authcode=code, session=session) == f"OK\n\nNOTE:{notes}"
    for content_type in ENVELOPES:
        assert in_soap(api, content_type, "getNote", session, code) == ("getNote_OK", notes)


async def test_words_of_chat_logs(api: Api) -> None:
    code, own = api.authcode(), api.authcode("alice")
    session, _ = await api.bob.pin("Mr Bos")
    for method in ("getChat", "getNote"):
        assert api.body(method, authcode=code, session="1x") == "INVALIDPARAM_SESSION"
        assert api.body(method, authcode=code) == "INVALIDPARAM_SESSION"
        assert api.body(method, authcode=code, session=1) == "ERROR", "an integer that is no session"
        assert api.body(method, session=session) == "NOTLOGGEDIN"
        assert api.body(method, authcode="wrong", session=session) == "INVALID_SECRETAUTHCODE"
        assert api.body(method, authcode=own, session=session) == "NOTLOGGEDINASADMIN", "alice is not in it"
        assert api.body(method, authcode=code, session=session).startswith("OK\n\n")
        for content_type in ENVELOPES:
            assert in_soap(api, content_type, method, 1, code) == (f"{method}_Error", None)
            assert in_soap(api, content_type, method, "x", code) == (f"{method}_InvalidParam_Session", None)
