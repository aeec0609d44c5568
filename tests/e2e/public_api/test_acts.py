"""What is done through the API is done in the consoles: the same core, the same refusals, the same journal."""

from __future__ import annotations

import asyncio
import json
import re
import sys

import pytest

from tests.e2e.public_api.conftest import Api

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(90)]


async def waiting(api: Api) -> tuple[str, str, dict[str, int]]:
    """A session that waits with alice, an administrator's code, and node ids by name."""
    code = api.authcode()
    session, pin = await api.alice.pin("Ms Vos")
    await api.world.computer(pin=pin)
    await api.alice.sees(session, "Waiting")
    nodes = {one["Name"]: int(one["NodeID"]) for one in api.call("getHierarchy", authcode=code).records}
    return session, code, nodes


async def test_an_administrator_starts_holds_transfers_and_closes(api: Api) -> None:
    session, code, nodes = await waiting(api)

    def act(method: str, **given: object) -> str:
        return api.body(method, authcode=code, session=session, **given)

    assert act("holdSession") == "ACTIONFAILED"
    assert act("cancelAction") == "ACTIONFAILED"
    assert act("startSession", node=nodes["dave"]) == "ACTIONFAILED", "none of their consoles is connected"
    assert act("startSession", node=nodes["bob"]) == "ACTIONFAILED", "they have no entry"
    assert act("startSession", node=nodes["Web"]) == "INVALIDPARAM_NODE"
    assert act("startSession", node=nodes["alice"]) == "OK"
    await api.alice.sees(session, "Active")
    assert act("holdSession") == "OK"
    await api.alice.sees(session, "On Hold")
    assert act("transferSession", node=nodes["Network"], noderef="NODE", comment="please\nnow") == "OK"
    await api.alice.sees(session, "Outgoing")
    (row,) = api.call("getSession_v3", authcode=code, node=nodes["dave"]).rows
    assert (row["Transferred To"], row["Transferred Comment"]) == ("Network", "please now")
    assert act("cancelAction") == "OK"
    await api.alice.sees(session, "Active")
    assert act("transferSession", node=nodes["Web"], noderef="NODE") == "INVALIDPARAM_NODE"
    assert act("transferSession", node=nodes["bob"], noderef="CHANNEL") == "INVALIDPARAM_NODE"
    assert act("transferSession", node=nodes["Web"], noderef="CHANNEL") == "OK"
    assert act("transferSession", node=nodes["bob"]) == "ACTIONFAILED", "already in the session"
    assert act("cancelAction") == "OK"
    assert act("transferSession", node=nodes["Network"]) == "OK"
    assert act("transferSession", node=nodes["bob"]) == "OK", "passed on by who was given it"
    assert act("closeSession") == "ACTIONFAILED", "the console could not either"
    assert act("startSession", node=nodes["bob"]) == "OK"
    assert act("closeSession") == "OK"
    assert act("closeSession") == "ACTIONFAILED"
    assert act("getSession_v3", node=nodes["bob"]).count("Closed by technician") == 1


async def test_the_journal_says_who_did_it_through_the_api(api: Api) -> None:
    session, code, nodes = await waiting(api)
    assert api.body("startSession", authcode=code, session=session, node=nodes["alice"]) == "OK"
    assert api.body("closeSession", authcode=code, session=session) == "OK"
    command = (sys.executable, "-m", "rescue_emulator")
    where = ("--data", str(api.world.data))

    async def output(*arguments: str) -> str:
        process = await asyncio.create_subprocess_exec(*command, *arguments, *where, stdout=asyncio.subprocess.PIPE)
        return (await process.communicate())[0].decode()

    assert "(admin, through the API)" in await output("why", session)
    lines = [json.loads(line) for line in (await output("events", "--json", "--session", session)).splitlines()]
    bodies = {line["name"]: line["body"] for line in lines}
    assert (bodies["SessionStarted"]["technician"], bodies["SessionStarted"]["by"]) == ("alice", "admin")
    assert bodies["AppletJoined"]["by"] == ""


async def test_words_for_sessions_and_callers(api: Api) -> None:
    code, alice = api.authcode(), api.authcode("alice")
    for method in ("holdSession", "closeSession", "cancelAction"):
        for session in ("", "x", "1", "999999", "1001.5"):
            assert api.body(method, authcode=code, session=session) == "INVALIDPARAM_SESSION"
        assert api.body(method, authcode=alice, session="1001") == "NOTLOGGEDINASADMIN"
        assert api.body(method, session="1001") == "NOTLOGGEDIN"


async def test_a_technician_gets_pins_with_custom_fields(api: Api) -> None:
    admin, alice, dave = api.authcode(), api.authcode("alice"), api.authcode("dave")
    node = api.node("alice", admin)
    fields = {f"cfield{number}": f"value {number}" for number in range(6)}
    answer = api.body("requestPINCode", authcode=alice, tracking0="T1", **fields)
    assert re.fullmatch(r"OK\n\nPINCODE:\d{6}", answer)
    row = api.call("getSession_v3", authcode=admin, node=node).rows[-1]
    assert [row[f"Custom Field {number}"] for number in range(6)] == [f"value {number}" for number in range(6)]
    computer = await api.world.computer(pin=answer[-6:])
    await api.alice.sees(row["ID"], "Waiting")
    assert api.body("requestPINCode", authcode=admin) == "NOTTECHNICIAN"
    assert api.body("requestPINCode", authcode=dave) == "NOTECHCONSOLERUNNING"
    assert api.body("requestPINCode_v2", authcode=dave, notechconsole=1).startswith("OK\n\nPINCODE:")
    assert api.body("requestPINCode_v3", authcode=admin) == "NOTTECHNICIAN"
    assert api.body("requestPINCode_v3", authcode=admin, NodeId=17) == "INVALIDPARAM_NODE"
    assert api.body("requestPINCode_v3", authcode=admin, NodeId=node).startswith("OK\n\nPINCODE:")
    assert api.body("requestPINCode_v3", authcode=alice, NodeId=api.node("bob", admin)) == "NOTLOGGEDINASADMIN"
    long = api.body("requestPINCode", post=True, authcode=alice, cfield0="x" * 500 + "\n", cfield1="one\r\ntwo\0")
    assert long.startswith("OK\n\nPINCODE:")
    row = api.call("getSession_v3", authcode=admin, node=node).rows[-1]
    assert (row["Custom Field 0"], row["Custom Field 1"]) == ("x" * 64, "one  two ")
    await computer.close()


async def test_cancel_takes_back_an_offer_of_the_lead(api: Api) -> None:
    session, code, nodes = await waiting(api)
    await api.alice.start(session)
    await api.alice.command("invite", session, "bob")
    await api.bob.command("start", session)
    await api.alice.command("lead", session, "offer", "bob")

    def handing_off() -> list[tuple[str, str]]:
        rows = api.call("getSession_v3", authcode=code, node=nodes["Support"]).rows
        return [(row["Technician"], row["HandingOff"]) for row in rows if row["ID"] == session]

    assert handing_off() == [("alice", ""), ("bob", "yes")]
    assert api.body("cancelAction", authcode=code, session=session) == "OK"
    assert handing_off() == [("alice", ""), ("bob", "")]
    await api.alice.command("end", session)


async def test_declined_terms_are_the_same_end_in_the_list_and_in_the_report(api: Api) -> None:
    code = api.authcode()
    await api.world.set("group:Support", terms="Do you agree?")
    ended = {}
    for closes, status in ((True, "Closed by technician"), (False, "Closed by customer")):
        session, pin = await api.alice.pin("declines")
        computer = await api.world.computer(pin=pin, terms="ask", wait=False)
        await computer.event("terms")
        await computer.decline()
        await computer.ended()
        if closes:
            assert api.body("closeSession", authcode=code, session=session) == "OK"
        ended[session] = status
    await api.world.advance(minutes=20)  # the connecting time-out ends the other one
    await api.world.set("group:Support", terms="")
    node = api.node("alice", code)
    listed = {row["ID"]: row["Status"] for row in api.call("getSession_v3", authcode=code, node=node).rows}
    assert api.body("setReportDate", authcode=code, bdate="1/1/2000", edate="1/1/2100") == "OK"
    assert api.body("setReportArea", authcode=code, area=10) == "OK"
    reported = {row["Session ID"]: row["Status"] for row in api.call("getReport", authcode=code, node=node).rows}
    for found in (listed, reported):
        assert {session: found[session] for session in ended} == ended
