"""Each method is brought to each failure that its row of the table names, by text and by SOAP."""

from __future__ import annotations

import asyncio
import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import pytest

from rescue_api.calls import MethodAccess
from rescue_api.operations import OPERATIONS
from rescue_api.words import EVERYWHERE, Word
from rescue_emulator import World
from tests.e2e.public_api.conftest import Api
from tests.e2e.public_api.every_way import ask_every_way

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(90)]
Case = tuple[str, dict[str, Any], str]
NOBODY, NUMBER = "nobody@example.com", 17  # who and what there is not
PINS = ("requestPINCode", "requestPINCode_v2", "requestPINCode_v3", "requestInvitationLink")


def logging_in() -> Iterator[Case]:
    yield "login", {"email": NOBODY, "pwd": "x"}, "INVALID"
    yield "requestAuthCode", {"email": NOBODY, "pwd": "x"}, "INVALID"
    yield "requestAuthCodeSSO", {"ssoid": "nobody", "pwd": "x", "company": 3000001}, "INVALID"
    yield "requestAuthCodeSSO", {"ssoid": "alice", "pwd": "x", "company": NUMBER}, "INVALIDPARAM_COMPANY"


def about_sessions(node: dict[str, int], waiting: str) -> Iterator[Case]:
    for method in ("getSession", "getSession_v2", "getSession_v3", "getReport", "getReport_v2", "getHierarchy_v2"):
        yield method, {"node": NUMBER}, "INVALIDPARAM_NODE"
    yield "isAnyTechAvailableOnChannel", {"channelid": node["alice"]}, "INVALIDPARAM_CHANNELID"
    for method in ("getChat", "getNote"):
        yield method, {"session": NUMBER}, "ERROR"
        yield method, {"session": "x"}, "INVALIDPARAM_SESSION"
    for method in ("startSession", "holdSession", "transferSession", "closeSession", "cancelAction"):
        whom = {"node": node["bob"]} if method in ("startSession", "transferSession") else {}
        yield method, {"session": NUMBER, **whom}, "INVALIDPARAM_SESSION"
    for method in ("startSession", "transferSession"):
        yield method, {"session": waiting, "node": NUMBER}, "INVALIDPARAM_NODE"
    yield "startSession", {"session": waiting, "node": node["dave"]}, "ACTIONFAILED"  # without a console
    yield "transferSession", {"session": waiting, "node": node["alice"]}, "ACTIONFAILED"  # who has it
    yield "holdSession", {"session": waiting}, "ACTIONFAILED"
    yield "cancelAction", {"session": waiting}, "ACTIONFAILED"


def about_pins() -> Iterator[Case]:
    """As an administrator, who has no PINs."""
    for method in PINS:
        yield method, {}, "NOTTECHNICIAN"
    for method in ("requestPINCode_v3", "requestInvitationLink"):
        yield method, {"nodeid": NUMBER}, "INVALIDPARAM_NODE"


def about_people(node: dict[str, int]) -> Iterator[Case]:
    for method in ("getGroup", "getGroup_v2", "getUser", "getUser_v2", "getUser_v3", "deleteNode"):
        yield method, {"node": NUMBER}, "INVALIDPARAM_NODE"
    yield "deleteNode", {"node": node["Support"]}, "ACTIONFAILED"  # people are in it
    yield "createUser", {"parent": NUMBER}, "INVALIDPARAM_PARENT"
    bob = {"node": node["bob"], "name": "bob", "email": "bob@rescue.test", "status": "Enabled"}
    for method in ("setUser", "setUser_v2"):
        yield method, bob | {"node": NUMBER}, "INVALIDPARAM_NODE"
        yield method, bob | {"name": ""}, "INVALIDPARAM_NAME"
        yield method, bob | {"status": "x"}, "INVALIDPARAM_STATUS"
        yield method, bob | {"email": "x"}, "INVALIDPARAM_EMAIL"
        yield method, bob | {"email": "alice@rescue.test"}, "INVALIDPARAM_EMAIL_ALREADY_IN_USE"
    for method in ("setUserStatus", "setUserStatus_v7_1"):
        yield method, {"node": NUMBER, "status": "Enabled"}, "INVALIDPARAM_NODE"
        yield method, {"node": node["bob"], "status": "x"}, "INVALIDPARAM_STATUS"
    yield "moveNode", {"node": NUMBER, "targetnode": node["Support"]}, "INVALIDPARAM_NODE"
    yield "moveNode", {"node": node["bob"], "targetnode": NUMBER}, "INVALIDPARAM_TARGETNODE"
    yield "moveNode", {"node": node["bob"], "targetnode": node["Web"]}, "INVALID_MOVE"


def about_groups(node: dict[str, int]) -> Iterator[Case]:
    day = {"parent": node["Technicians"], "node": node["Support"], "name": "Day", "status": "Enabled"}
    for method in ("createGroup", "setGroup", "setGroup_v2"):
        own = {name: value for name, value in day.items() if name != ("node" if method == "createGroup" else "parent")}
        yield method, own | {"parent" if method == "createGroup" else "node": NUMBER}, "INVALIDPARAM_NODE"
        yield method, own | {"name": "Network"}, "INVALIDPARAM_NAME"
        yield method, own | {"status": "x"}, "INVALIDPARAM_STATUS"
    for method, failed in (("assignChannel", "INVALID_ASSIGN"), ("unassignChannel", "INVALID_DEASSIGN")):
        group = node["Support"] if method == "assignChannel" else node["Third"]  # which serves no channel
        yield method, {"node": NUMBER, "entry": node["Web"]}, "INVALIDPARAM_NODE"
        yield method, {"node": group, "entry": NUMBER}, "INVALIDPARAM_ENTRY"
        yield method, {"node": group, "entry": node["Web"]}, failed


def about_reports() -> Iterator[Case]:
    for version in ("", "_v2", "_v8"):
        yield f"setReportArea{version}", {"area": "x"}, "INVALIDPARAM_REPORTAREA"
    yield "setReportType", {"type": "SUMMARY"}, "NOTSUPPORTED"
    yield "setReportType", {"type": "x"}, "INVALIDPARAM_REPORTTYPE"
    yield "setReportDate", {"bdate": "x", "edate": "1/1/2026"}, "INVALIDFORMAT"
    yield "setReportDate", {"bdate": "1/2/2026", "edate": "1/1/2026"}, "INVALIDDATERANGE"
    yield "setReportDate_v2", {"bdate": "x", "edate": "1/1/2026 0:00:00"}, "INVALIDFORMAT"
    yield "setReportDate_v2", {"bdate": "1/2/2026 0:00:00", "edate": "1/1/2026 0:00:00"}, "INVALIDDATERANGE"
    yield "setReportTime", {"btime": "x", "etime": "9:00"}, "INVALIDFORMAT"
    yield "setReportTime", {"btime": "9:00", "etime": "8:00"}, "INVALIDDATERANGE"
    yield "setTimezone", {"timezone": "x"}, "INVALIDPARAM_TIMEZONE"
    yield "setOutput", {"output": "x"}, "INVALIDPARAM_OUTPUT"
    yield "setDelimiter", {"delimiter": "x" * 17}, "INVALIDPARAM_DELIMITER"
    yield "setDateFormat", {"dateformat": "x"}, "INVALIDFORMAT"


def about_callers(alice: str) -> Iterator[Case]:
    for operation in OPERATIONS:
        if operation.access is MethodAccess.ANYBODY:
            continue
        yield operation.name, {}, "NOTLOGGEDIN"
        yield operation.name, {"authcode": "x"}, "INVALID_SECRETAUTHCODE"
        if operation.access is MethodAccess.ADMINISTRATOR:
            yield operation.name, {"authcode": alice}, "NOTLOGGEDINASADMIN"


async def test_each_failure_of_each_method(api: Api) -> None:
    code, provoked = api.authcode(), defaultdict[str, set[str]](set)

    def provoke(case: Case, **more: Any) -> None:
        method, given, word = case
        assert ask_every_way(api, method, **more, **given) == word, (method, given)
        provoked[method].add(word)

    session, pin = await api.alice.pin("Ms Vos")
    await api.world.computer(pin=pin)
    await api.alice.sees(session, "Waiting")
    technicians = api.node("Technicians", code)
    assert api.body("createGroup", authcode=code, parent=technicians, name="Third", status="Enabled").startswith("OK")
    node = {one["Name"]: int(one["NodeID"]) for one in api.call("getHierarchy", authcode=code).records}

    for case in logging_in():
        provoke(case)
    for cases in (
        about_sessions(node, session),
        about_pins(),
        about_people(node),
        about_groups(node),
        about_reports(),
    ):
        for case in cases:
            provoke(case, authcode=code)
    alice, dave = api.authcode("alice"), api.authcode("dave")
    for case in about_callers(alice):
        provoke(case)
    for method in PINS:
        provoke((method, {}, "NOTECHCONSOLERUNNING"), authcode=dave)
    for case in [one for one in about_people(node) if one[0].startswith("getUser")]:
        provoke((case[0], case[1], "NOTLOGGEDINASADMIN"), authcode=alice)
    assert api.body("closeSession", authcode=code, session=session) == "OK"
    provoke(("closeSession", {"session": session}, "ACTIONFAILED"), authcode=code)
    await disable(api, "dave")
    for operation in OPERATIONS:
        if operation.access is not MethodAccess.ANYBODY:
            provoke((operation.name, {}, "USER_DELETED_OR_DISABLED"), authcode=dave)

    missing = {
        operation.name: {word.text for word in operation.words} - provoked[operation.name] for operation in OPERATIONS
    }
    elsewhere = {"LIMITREACHED", "OUTOFPINCODES", "POLLRATEEXCEEDED"}  # the next test
    assert not {method: words for method, words in missing.items() if words - elsewhere}
    assert {word.text for word in Word} - set().union(*provoked.values()) == elsewhere | {"OK"}
    assert {word.text for word in EVERYWHERE} <= set().union(*provoked.values()) | elsewhere


async def test_too_many_requests_and_too_many_pins() -> None:
    async with World(api=True, options=("--api-limits", "vendor")) as world:
        alice = await world.technician("alice")
        api = Api(world, world.api.url, alice, alice)
        code = api.authcode("alice")
        for method, who in (("login", "email"), ("requestAuthCode", "email"), ("requestAuthCodeSSO", "ssoid")):
            given = {who: method, "pwd": "x", "company": 3000001} if who == "ssoid" else {who: method, "pwd": "x"}
            while api.body(method, **given) != "LIMITREACHED":
                pass
            assert ask_every_way(api, method, **given) == "LIMITREACHED"
        for method in PINS:
            asked = "requestPINCode" if method == "requestInvitationLink" else method
            while api.body(asked, authcode=code) != "POLLRATEEXCEEDED":
                pass
            assert ask_every_way(api, method, authcode=code) == "POLLRATEEXCEEDED"
        await world.restart_server("--api-limits", "off", "--limit", "open-sessions-per-technician=1")
        await world.technician("alice")
        for method in PINS:
            assert ask_every_way(api, method, authcode=code) == "OUTOFPINCODES"


async def disable(api: Api, technician: str) -> None:
    command = (sys.executable, "-m", "rescue_emulator", "admin", "set", f"technician:{technician}", "enabled=false")
    process = await asyncio.create_subprocess_exec(*command, "--data", str(api.world.data))
    assert await process.wait() == 0
