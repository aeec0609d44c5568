"""The text methods over real sockets, with a real customer and real consoles: each answer byte by byte."""

from __future__ import annotations

import asyncio
import re

import pytest

from tests.e2e.public_api.conftest import Api
from tests.e2e.public_api.test_soap import ENVELOPES, NS, envelope, post

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(90)]
HEADER = (
    "ID|Status|Entry ID|Entry|Technician ID|Technician|Start Time|Waiting Time|Custom Field 0|Custom Field 1|"
    "Custom Field 2|Custom Field 3|Custom Field 4|Custom Field 5|Language|Transferred To|Transferred Comment|"
    "Is Lead Technician|HandingOff|"
)


async def test_login_sets_a_cookie_that_stands_for_the_user_until_logout(api: Api) -> None:
    answer = api.call("login", email="admin@rescue.test", pwd=api.secret("admin"))
    assert (answer.status, answer.body) == (200, "OK")
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["cache-control"] == "private"
    assert answer.headers["content-length"] == "2"
    cookie = answer.headers["set-cookie"]
    assert re.fullmatch(r"ASP\.NET_SessionId=[a-z0-9]{24}; path=/; HttpOnly", cookie), cookie
    sent = {"Cookie": cookie.partition(";")[0]}
    account = api.call("getAccount", headers=sent)
    node = api.node("admin", api.authcode())
    assert account.body == (
        "OK\n\nAccountID:3000001\nOrganization:Emulated organization\n"
        f"AdminID:{node}\nTechID:0\nEmail:admin@rescue.test\n\n"
    )
    assert api.call("logout", headers=sent).body == "OK"
    assert api.call("getAccount", headers=sent).body == "NOTLOGGEDIN"


async def test_a_cookie_dies_after_twenty_emulated_minutes_without_a_call(api: Api) -> None:
    answer = api.call("login", email="alice", pwd=api.secret("alice"))
    sent = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
    for minutes, body in ((19, "OK"), (19, "OK"), (20, "NOTLOGGEDIN")):
        await api.world.advance(minutes=minutes)
        assert api.body("getAccount", headers=sent).partition("\n")[0] == body


async def test_an_authcode_needs_no_cookie_and_voids_the_former_one(api: Api) -> None:
    first = api.authcode()
    assert re.fullmatch("[a-z0-9]{128}", first)
    assert api.body("getAccount", authcode=first).startswith("OK\n\n")
    second = api.authcode()
    assert api.body("getAccount", authcode=first) == "INVALID_SECRETAUTHCODE"
    assert api.body("getAccount", authcode=second).startswith("OK\n\n")
    assert api.body("getAccount") == "NOTLOGGEDIN"
    assert api.body("login", email="alice", pwd="wrong") == "INVALID"
    assert api.body("requestAuthCode", email="nobody@rescue.test", pwd=api.secret("alice")) == "INVALID"


async def test_names_are_case_insensitive_and_parameters_come_in_any_way(api: Api) -> None:
    code = api.authcode()
    expected = api.body("getAccount_v2", authcode=code)
    assert expected.endswith("Email:admin@rescue.test\nTcRunning:False\n\n")
    for path in (
        f"/api/GETACCOUNT_V2.ASPX?AuthCode={code}&&other=1&empty&#fragment",
        f"/API/getaccount_v2.aspx?authcode={code}&",
        f"//API//getAccount_v2.aspx?authcode={code}",
    ):
        assert api.call("", path=path).body == expected
        assert api.call("", post=True, path=path).body == expected
    assert api.body("getAccount_v2", post=True, authcode=code) == expected
    wrong = api.call("", post=True, path="/API/getAccount_v2.aspx?authcode=wrong", authcode=code)
    assert wrong.body == expected, "the form wins"
    empty = api.call("", post=True, path=f"/API/getAccount_v2.aspx?authcode={code}", authcode="")
    assert empty.body == expected, "what is empty in the form was not given"


async def test_an_unknown_method_is_not_found(api: Api) -> None:
    for path in ("/API/getPicklist.aspx", "/", "/API/", "/API/login", "/login.aspx"):
        answer = api.call("", path=path)
        assert (answer.status, answer.headers["content-type"]) == (404, "text/html; charset=utf-8")
    assert api.call("", path="/API/login.aspx", post=True, email="x" * 1024 * 1024).status == 413


async def test_a_method_that_is_not_emulated_says_so(api: Api) -> None:
    for method in ("requestLensPINCode_v3", "createUsers", "CREATEUSERS"):
        answer = api.call(method, authcode="wrong")
        assert (answer.status, answer.body) == (200, "ERROR")
        assert answer.headers["x-rescue-emulator"] == "not emulated"
    asked = f'<requestLensPINCodeV2 xmlns="{NS}"/>'
    for content_type in ENVELOPES:
        soap = post(api, envelope(asked, content_type), content_type)
        assert (soap.status, soap.headers["x-rescue-emulator"]) == (200, "not emulated")
        assert "<requestLensPINCodeV2Result>requestPINCode_Error</requestLensPINCodeV2Result>" in soap.body
    assert "x-rescue-emulator" not in api.call("logout").headers
    service = "/WebServices/TechnicianConsole.asmx"
    asked = '<initUnattendedSession xmlns="http://microsoft.com/webservices/"><iIssueId>1</iIssueId></initUnattendedSession>'
    for content_type in ENVELOPES:
        soap = post(api, envelope(asked, content_type), content_type, path=service)
        assert (soap.status, soap.headers["x-rescue-emulator"]) == (200, "not emulated")
        assert (
            '<initUnattendedSessionResponse xmlns="http://microsoft.com/webservices/"><initUnattendedSessionResult>'
            "initUnattendedSessionRet_Error</initUnattendedSessionResult></initUnattendedSessionResponse>"
        ) in soap.body
    assert post(api, "no XML", path=service).status == 500
    page = api.call("", path=service)
    assert (page.status, page.headers["x-rescue-emulator"]) == (404, "not emulated")
    async with asyncio.timeout(20):
        # The log is read while this waits.
        while "requestLensPINCode_v2 of the public API" not in api.world.server.log_tail(1000):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert api.world.server.log_tail(1000).count("createUsers of the public API is not emulated") == 1


async def test_a_closed_connection_is_said_to_be_closed(api: Api) -> None:
    assert api.call("logout", headers={"Connection": "close"}).headers["connection"] == "close"
    assert "connection" not in api.call("logout").headers


async def test_the_tree_begins_with_the_root_and_names_parents_first(api: Api) -> None:
    code = api.authcode()
    records = api.call("getHierarchy", authcode=code).records
    assert [(one["Name"], one["Type"], one["Status"]) for one in records] == [
        ("Root", "Root", ""),
        ("Masteradministrators", "Masteradministrators", ""),
        ("admin", "Masteradministrator", ""),
        ("Administrators", "Administrators", ""),
        ("Technicians", "Technicians", ""),
        ("Support", "TechnicianGroup", ""),
        ("alice", "Technician", "Online"),
        ("bob", "Technician", "Online"),
        ("carol", "Technician", "Offline"),
        ("Network", "TechnicianGroup", ""),
        ("dave", "Technician", "Offline"),
        ("Web", "Channel", ""),
    ]
    known = {"0"}
    for one in records:
        assert one["ParentID"] in known
        known.add(one["NodeID"])
    support = api.node("Support", code)
    below = api.call("getHierarchy_v2", authcode=code, node=support, filteroffline="true").records
    assert [one["Name"] for one in below] == ["Support", "alice", "bob"]
    alone = api.body("getHierarchy_v2", authcode=code, node=support, isnode="true")
    technicians = next(one["NodeID"] for one in records if one["Name"] == "Technicians")
    assert alone == (
        f"OK\n\nNodeID:{support}\nParentID:{technicians}\nName:Support\nEmail:\nDescription:\nStatus:\n"
        "Type:TechnicianGroup\n\n"
    )
    assert api.body("getHierarchy_v2", authcode=code, node=17) == "INVALIDPARAM_NODE"


async def test_a_cut_cable_shows_as_reconnecting_and_a_transfer_as_transferring(api: Api) -> None:
    code = api.authcode()
    alice, bob = api.node("alice", code), api.node("bob", code)

    def statuses(node: int) -> list[tuple[str, str, str]]:
        rows = api.call("getSession_v3", authcode=code, node=node).rows
        return [(row["Status"], row["Is Lead Technician"], row["Transferred To"]) for row in rows]

    assert api.body("getSession_v3", authcode=code, node=alice) == f"OK\n\n{HEADER}\n"
    session, pin = await api.alice.pin("Ms Vos")
    assert statuses(alice) == [("Connecting", "", "")]
    computer = await api.world.computer(pin=pin)
    await api.alice.sees(session, "Waiting")
    await api.world.advance(seconds=90)
    (row,) = api.call("getSession_v3", authcode=code, node=alice).body.splitlines()[3:]
    started = row.split("|")[6]
    assert re.fullmatch(r"\d+/\d+/20\d\d \d+:\d\d [AP]M", started)
    assert row == f"{session}|Waiting|0||{alice}|alice|{started}|90|Ms Vos||||||en|||||"
    await api.alice.start(session)
    assert statuses(alice) == [("Active", "yes", "")]
    async with computer.lan_off():
        await api.world.advance(minutes=1)
        assert statuses(alice) == [("Reconnecting", "yes", "")]
        await api.world.advance(minutes=5)
        assert statuses(alice) == [("Offline", "yes", "")]
    await api.alice.sees(session, "Active")
    await api.alice.transfer(session, "technician:bob", comment="please")
    assert statuses(alice) == statuses(bob) == [("Transferring", "", "bob")]
    await api.bob.start(session)
    assert statuses(alice) == [("Transferred", "", "")]
    assert statuses(bob) == [("Active", "yes", "")]
    await api.bob.command("end", session)
    assert [status for status, _, _ in statuses(alice) + statuses(bob)] == ["Transferred", "Closed by technician"]
    await api.world.advance(minutes=59)
    assert len(statuses(bob)) == 1
    await api.world.advance(minutes=1)
    assert statuses(bob) == []


async def test_a_channel_is_served_while_a_console_is_connected(api: Api) -> None:
    code = api.authcode()
    web = api.node("Web", code)
    assert api.body("isAnyTechAvailableOnChannel", authcode=code, ChannelID=web) == "TRUE"
    assert api.body("isAnyTechAvailableOnChannel", authcode=code, node=web, ExcludingAwayAndBusy="true") == "TRUE"
    assert api.body("isAnyTechAvailableOnChannel", authcode=code, ChannelID=1) == "INVALIDPARAM_CHANNELID"
    computer = await api.world.computer(channel="Web")
    rows = api.call("getSession_v3", authcode=code, node=web, noderef="CHANNEL").rows
    assert [(row["Entry ID"], row["Entry"], row["Technician ID"], row["Technician"]) for row in rows] == [
        (str(web), "Web", "0", "")
    ]
    everybody = api.call("getSession_v3", authcode=code, node=3000001).rows
    mine = [row for row in everybody if row["Entry"] == "Web"]
    assert [row["Technician"] for row in mine] == ["alice", "bob", "carol", "dave"]
    assert api.body("getSession_v3", authcode=code, node=web) == "INVALIDPARAM_NODE"
    await computer.close()
    await computer.ended()
    assert {row["Status"] for row in api.call("getSession", authcode=code).rows} == {"Closed by waiting customer"}


async def test_a_technician_sees_only_their_own_sessions(api: Api) -> None:
    admin, code = api.authcode(), api.authcode("alice")
    assert api.body("getSession_v3", authcode=code, node=api.node("alice", admin)).startswith("OK\n\nID|")
    for node in (api.node("bob", admin), api.node("Support", admin), 3000001):
        assert api.body("getSession_v3", authcode=code, node=node) == "NOTLOGGEDINASADMIN"


async def test_a_hundred_requests_at_once_are_answered(api: Api) -> None:
    code = api.authcode()
    bodies = await asyncio.gather(
        *(asyncio.to_thread(api.body, "getSession_v3", authcode=code, node=3000001) for _ in range(100))
    )
    assert {body.splitlines()[2] for body in bodies} == {HEADER}


async def test_an_answer_is_never_older_than_what_was_done_before(api: Api) -> None:
    code = api.authcode()
    alice, web = api.node("alice", code), api.node("Web", code)
    for number in range(20):
        session, _ = await api.alice.pin(f"Customer {number}")
        (row,) = [row for row in api.call("getSession_v3", authcode=code, node=alice).rows if row["ID"] == session]
        assert (row["Status"], row["Waiting Time"]) == ("Connecting", "0")
        await api.world.advance(seconds=1)
        assert f"|{row['Start Time']}|1|Customer {number}|" in api.body("getSession_v3", authcode=code, node=alice)
        await api.alice.end(session)
        assert f"{session}|Closed by technician|" in api.body("getSession_v3", authcode=code, node=alice)
    carol = await api.world.technician("carol")
    assert "Name:carol\nEmail:carol@rescue.test\nDescription:\nStatus:Online" in api.body("getHierarchy", authcode=code)
    await carol.program.stop()
    assert api.body("isAnyTechAvailableOnChannel", authcode=code, ChannelID=web) == "TRUE"
    assert api.authcode() != code
    assert api.body("isAnyTechAvailableOnChannel", authcode=code, ChannelID=web) == "INVALID_SECRETAUTHCODE"
