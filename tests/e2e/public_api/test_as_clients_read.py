"""Answers taken apart exactly as clients that are in use do it: by positions, by splits, as whole bodies."""

from __future__ import annotations

import http.client
import re
from urllib.parse import urlsplit

import pytest

from tests.e2e.public_api.conftest import Api

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(90)]


async def test_a_code_begins_at_the_thirteenth_character(api: Api) -> None:
    body = api.body("requestAuthCode", email="alice@rescue.test", pwd=api.secret("alice"))
    assert re.fullmatch("[a-z0-9]{128}", body[13:])
    assert api.body("getAccount", authcode=body[13:]).startswith("OK")


async def test_the_first_session_begins_at_character_243(api: Api) -> None:
    session, _ = await api.alice.pin("Ms Vos")
    code = api.authcode("alice")
    body = api.body("getSession_v3", authcode=code, node=api.node("alice", code))
    assert body[243:252].partition("|")[0] == session
    await api.alice.command("end", session)


async def test_what_follows_a_colon_fits_into_a_url_as_it_is(api: Api) -> None:
    """Node's http refuses a path with a blank or a line break; Python's client does, too."""
    target = urlsplit(api.url)
    code = api.body("requestAuthCode", email="alice", pwd=api.secret("alice")).split(":")[1]
    pin = api.body("requestPINCode", authcode=code).split(":")[1]
    for value in (code, pin):
        connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=20)
        connection.request("GET", f"/API/getAccount.aspx?authcode={value}")
        assert connection.getresponse().status == 200
        connection.close()


async def test_the_first_and_the_last_chunk_of_records_are_dropped(api: Api) -> None:
    """As the Singer tap does; of the others each line has one colon."""
    code = api.authcode()
    nodes = [
        dict(line.split(":") for line in chunk.split("\n"))
        for chunk in api.body("getHierarchy", authcode=code).split("\n\n")[1:-1]
    ]
    assert nodes[0]["Name"] == "Root"
    assert {"alice", "bob", "Support", "Web"} <= {node["Name"] for node in nodes}
    assert len(nodes) == len({node["NodeID"] for node in nodes})


async def test_the_rows_of_a_report_lie_between_the_header_and_a_last_line_break(api: Api) -> None:
    session, pin = await api.alice.pin("Ms Vos")
    await api.world.computer(pin=pin)
    await api.alice.start(session)
    await api.alice.command("end", session)
    code = api.authcode()
    assert api.body("setReportDate_v2", authcode=code, bdate="1/1/2000 0:00:00", edate="1/1/2100 0:00:00") == "OK"
    assert api.body("setOutput", authcode=code, output="TEXT") == "OK"
    body = api.body("getReport", authcode=code, node=api.node("alice", code), noderef="NODE")
    word, empty, header, *rows, last = body.split("\n")
    assert (word, empty, last) == ("OK", "", "")
    names = header.split("|")
    assert all(len(row.split("|")) == len(names) for row in rows)
    assert session in {dict(zip(names, row.split("|"), strict=True))["Session ID"] for row in rows}


async def test_a_dash_is_a_dash_to_whoever_believes_the_content_type(api: Api) -> None:
    code = api.authcode()
    assert api.body("setReportArea", authcode=code, area=16) == "OK"
    target = urlsplit(api.url)
    connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=20)
    connection.request("GET", f"/API/getReport.aspx?authcode={code}&node=3000001")
    answer = connection.getresponse()
    charset = answer.headers.get_content_charset("latin-1")
    assert "|Transferred By \u2013 Technician ID|" in answer.read().decode(charset)
    connection.close()


async def test_success_is_two_letters(api: Api) -> None:
    code = api.authcode()
    for method, given in (("setOutput", {"output": "TEXT"}), ("setDelimiter", {"delimiter": "|"}), ("logout", {})):
        assert api.body(method, authcode=code, **given) == "OK"
