"""Reports, byte by byte, of sessions that real people lived on a clock that stands until it is moved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from xml.etree import ElementTree

import pytest
import pytest_asyncio

from rescue_client.connection import Connection
from rescue_client.console import ConsoleClient
from rescue_emulator import World
from tests.e2e.public_api.conftest import Api
from tests.e2e.public_api.test_people import rescue
from tests.e2e.public_api.test_soap import ENVELOPES, NS, envelope, post

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(110)]
START = "2026-03-01T11:58:00Z"


@dataclass(frozen=True, slots=True)
class Lived:
    """A world in which three sessions are over: one was led by two, one was missed, one failed."""

    api: Api
    code: str
    led: str
    missed: str
    failed: str
    nodes: dict[str, str]

    def report(self, area: int, node: str = "Root", **given: object) -> str:
        assert self.api.body("setReportArea", authcode=self.code, area=area) == "OK"
        asked = {"authcode": self.code, "node": self.nodes.get(node, node), "nodetype": "NODE", **given}
        return self.api.body("getReport", **asked)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def lived() -> AsyncIterator[Lived]:
    async with World(api=True, options=("--start-at", START)) as world:
        alice, bob = await world.technician("alice"), await world.technician("bob")
        for technician in (alice, bob):
            await technician.focus(False)
        api = Api(world, world.api.url, alice, bob)
        own = api.authcode("alice")
        fields = {f"cfield{number}": f"f{number}" for number in range(1, 6)}
        made = api.body("requestPINCode", authcode=own, cfield0="Ms | Vos", tracking0="T-1", **fields)
        assert made.startswith("OK"), made
        await world.advance(seconds=5)
        customer = await world.computer(pin=made.rpartition(":")[2])
        (led,) = alice.sessions
        await alice.sees(led, "Waiting")
        await world.advance(seconds=115)
        await alice.start(led)
        await alice.open(led, "remote-control")
        await world.advance(seconds=60)
        await alice.close(led, "remote-control")
        await alice.chat(led, "Hello")
        await customer.chat("Hi")
        await world.advance(seconds=30)
        await alice.hold(led)
        await alice.note(led, "on hold")
        await world.advance(seconds=10)
        await alice.transfer(led, bob, comment="please")
        await world.advance(seconds=7)
        await bob.start(led)
        await bob.reboot(led)
        await bob.sees(led, "Rebooting")
        await world.advance(seconds=30)
        await bob.sees(led, "Active")
        await world.advance(seconds=2)
        await bob.end(led)
        missed, pin = await alice.pin("Mr Bos")
        waits = await world.computer(pin=pin)
        await alice.sees(missed, "Waiting")
        await world.advance(seconds=9)
        await waits.close()
        await alice.sees(missed, "Removed from TC queue")
        failed, _ = await bob.pin("Nobody")
        await world.advance(seconds=4)
        await bob.end(failed)
        code = api.authcode()
        records = api.call("getHierarchy", authcode=code).records
        yield Lived(api, code, led, missed, failed, {one["Name"]: one["NodeID"] for one in records})


async def test_the_session_report_has_every_second(lived: Lived) -> None:
    header = (
        "Start Time|End Time|Last Action Time|Technician Name|Technician ID|Session ID|Session Type|Status|Name|"
        "Custom field 1|Custom field 2|Custom field 3|Custom field 4|Custom field 5|Tracking ID|Customer IP|Device ID|"
        "Incident Tools Used|Resolved Unresolved|Channel ID|Channel Name|Calling Card|Connecting Time|Waiting Time|"
        "Total Time|Active Time|Work Time|Hold Time|Time in Transfer|Rebooting Time|Reconnecting Time|Platform|"
        "Browser Type|Technician Group|Technician Email|Wrap Time|\n"
    )
    row = (
        f"3/1/2026 12:00:00 PM|3/1/2026 12:02:19 PM|3/1/2026 12:02:19 PM|bob|{lived.nodes['bob']}|{lived.led}|"
        "Applet on Desktop|Closed by technician|Ms | Vos|f1|f2|f3|f4|f5|T-1|127.0.0.1||RC,RB|||||00:00:05|00:01:55|"
        "00:02:19|00:01:32|00:01:00|00:00:10|00:00:07|00:00:30|00:00:00|Windows||Support|bob@rescue.test|00:00:00|\n"
    )
    assert lived.report(0) == f"OK\n\n{header}{row}"
    for node in ("bob", "Support", "Technicians", "3000001"):
        assert lived.report(0, node) == f"OK\n\n{header}{row}", node
    for node in ("alice", "Network"):
        assert lived.report(0, node) == f"OK\n\n{header}", "the technician who led last counts"
    assert lived.report(0, "Web", nodetype="CHANNEL") == f"OK\n\n{header}"
    assert lived.report(0, "-2", nodetype="EXTERNALROOT") == f"OK\n\n{header}"


async def test_the_other_reports(lived: Lived) -> None:
    bob, alice, support = (lived.nodes[name] for name in ("bob", "alice", "Support"))
    chat = (
        "11:58 AM Connecting to: Windows computer (127.0.0.1) 11:58 AM Connected to: Windows computer (127.0.0.1) "
        "12:01 PM alice: Hello 12:01 PM Ms | Vos: Hi 12:01 PM Disconnected (Applet) "
        "12:02 PM Connected to: Windows computer (127.0.0.1) 12:02 PM The technician ended the session. "
    )
    lasted = f"3/1/2026 12:00:00 PM|3/1/2026 12:02:19 PM|00:02:19|{lived.led}"
    expected = {
        1: "Source|Session ID|Date|Name|Technician Name|Technician ID|Technician Email|\n",
        3: "Start Time|End Time|Session ID|Session Type|Status|Name|Custom field 1|Custom field 2|Custom field 3|"
        "Custom field 4|Custom field 5|Tracking ID|Customer IP|Channel ID|Channel Name|Waiting Time|\n"
        f"3/1/2026 12:02:19 PM|3/1/2026 12:02:28 PM|{lived.missed}|Applet on Desktop|Closed by waiting customer|Mr Bos|"
        "||||||127.0.0.1|||00:00:09|\n",
        5: "Start Time|End Time|Total Time|Session ID|Technician Name|Technician ID|Name|Chat Log|Notes|\n"
        f"{lasted}|bob|{bob}|Ms | Vos|{chat}|on hold|\n",
        6: "Start Time|End Time|Total Time|Session ID|Name|Custom field 1|Custom field 2|Custom field 3|Custom field 4|"
        "Custom field 5|Tracking ID|Technician Name|Technician ID|Technician Group|Technician Email|\n"
        f"{lasted}|Ms | Vos|f1|f2|f3|f4|f5|T-1|bob|{bob}|Support|bob@rescue.test|\n",
        7: "Session ID|Time of Transfer|Waiting Time|Transferred By|Transferred From|Transferred To|Transfer Comment|"
        f"Time in Transfer|\n{lived.led}|3/1/2026 12:01:40 PM|00:01:55|alice|alice|bob|please|00:00:07|\n",
        8: "Source|Session ID|Date|Technician Name|Technician ID|Technician Email|\n",
        9: "Session ID|Start Time|End Time|Technician Name|Technician ID|Chat Log|\n",
        10: "Start Time|End Time|Session ID|Session Type|Status|Name|Customer IP|Channel ID|Channel Name|"
        f"Connecting Time|\n3/1/2026 12:02:28 PM|3/1/2026 12:02:32 PM|{lived.failed}|Applet on Desktop|"
        "Closed by technician|Nobody||||00:00:04|\n",
        16: "Session ID|Time of Transfer|Waiting Time|Transferred By \u2013 Technician ID|Transferred By|"
        "Transferred From \u2013 Technician/Channel ID|Transferred From|Transferred To \u2013 Technician/Channel ID|"
        "Transferred To|Transfer Comment|Time in Transfer|Transferred From \u2013 Technician Group ID|"
        "Transferred From \u2013 Technician Group|Transferred To \u2013 Technician Group ID|"
        "Transferred To \u2013 Technician Group|Chatlog|\n"
        f"{lived.led}|3/1/2026 12:01:40 PM|00:01:55|{alice}|alice|{alice}|alice|{bob}|bob|please|00:00:07|{support}|"
        f"Support|{support}|Support|{chat}|\n",
    }
    for area, body in expected.items():
        assert lived.report(area) == f"OK\n\n{body}", area


async def test_consoles_make_the_login_and_performance_reports(lived: Lived) -> None:
    api, world = lived.api, lived.api.world
    header = (
        "Login Time|Logout Time|Total Login Time|Technician Name|Technician ID|Technician Email|Technician Group|"
        "IP Address|\n"
    )
    assert lived.report(2) == f"OK\n\n{header}", "nobody logged out yet"
    async with Connection.find(user="dave", data=world.data) as connection:
        console = ConsoleClient(connection)
        async with aclosing(console.watch()) as updates:
            await anext(updates)
            await world.advance(seconds=90)
    row = (
        f"3/1/2026 12:02:32 PM|3/1/2026 12:04:02 PM|00:01:30|dave|{lived.nodes['dave']}|dave@rescue.test|Network|"
        "127.0.0.1|\n"
    )
    async with asyncio.timeout(10):
        while (logins := lived.report(2)) == f"OK\n\n{header}":
            await api.alice.sync()  # the server has not yet noticed that the console went
    assert logins == f"OK\n\n{header}{row}"
    header = (
        "Technician Name|Technician ID|Technician Email|Technician Group|Date|Total Login Time|Number of Sessions|"
        "Number of Sessions per Hour|Average Pick-up Speed|Average Duration|Average Work Time|Longest Session|"
        "Total Active Time|Total Work Time|\n"
    )

    def rows(day: str) -> str:
        return (
            f"alice|{lived.nodes['alice']}|alice@rescue.test|Support|{day}|00:06:02|0|0.00|00:00:00|00:00:00|00:00:00|"
            "00:00:00|00:00:00|00:00:00|\n"
            f"bob|{lived.nodes['bob']}|bob@rescue.test|Support|{day}|00:06:02|1|9.94|00:01:55|00:02:19|00:01:00|"
            "00:02:19|00:01:32|00:01:00|\n"
            f"dave|{lived.nodes['dave']}|dave@rescue.test|Network|{day}|00:01:30|0|0.00|00:00:00|00:00:00|00:00:00|"
            "00:00:00|00:00:00|00:00:00|\n"
        )

    assert lived.report(4) == f"OK\n\n{header}{rows('3/1/2026')}"
    assert api.body("setReportType", authcode=lived.code, type="SUMMARY") == "OK"
    assert lived.report(4) == f"OK\n\n{header}{rows('')}"
    assert api.body("setReportType", authcode=lived.code, type="LISTALL") == "OK"
    assert api.body("setReportDate", authcode=lived.code, bdate="2/1/2026", edate="2/28/2026") == "OK"
    assert lived.report(4) == f"OK\n\n{header}"
    assert api.body("setReportDate", authcode=lived.code, bdate="3/1/2026", edate="3/1/2026") == "OK"


async def test_ranges_zones_and_windows(lived: Lived) -> None:
    def listed(**settings: str) -> int:
        body = lived.report(0)
        return body.count(f"|{lived.led}|")

    def put(method: str, **given: object) -> None:
        assert lived.api.body(method, authcode=lived.code, **given) == "OK"

    assert listed() == 1
    put("setReportDate_v2", bdate="3/1/2026 12:00:00", edate="3/1/2026 12:00:01")
    assert listed() == 1
    put("setReportDate_v2", bdate="3/1/2026 12:00:01", edate="3/1/2026 12:00:02")
    assert listed() == 0, "it began before"
    put("setReportDate_v2", bdate="3/1/2026 0:00:00", edate="3/1/2026 12:00:00")
    assert listed() == 0, "the end is no part of it"
    put("setReportDate", bdate="2/28/2026", edate="3/1/2026")
    assert listed() == 1
    put("setReportTime", btime="12:00", etime="12:00:00")
    assert listed() == 1
    put("setReportTime", btime="12:00:01", etime="23:00")
    assert listed() == 0
    put("setReportTime", btime="0:00", etime="23:59:59")
    put("setTimezone", timezone=720)
    assert listed() == 0, "there it is the next day"
    put("setReportDate", bdate="3/2/2026", edate="3/2/2026")
    put("setDateFormat", dateformat="DDMMYY")
    assert lived.report(0).partition("Wrap Time|\n")[2].startswith("2/3/2026 12:00:00 AM|2/3/2026 12:02:19 AM|")
    put("setTimezone", timezone=0)
    put("setDateFormat", dateformat="MMDDYY")
    put("setReportDate", bdate="3/1/2026", edate="3/1/2026")


async def test_xml_and_delimiters_as_text_and_in_soap(lived: Lived) -> None:
    api, code = lived.api, lived.code
    plain = lived.report(0)
    columns = plain.splitlines()[2].split("|")[:-1]
    assert api.body("setDelimiter", authcode=code, delimiter='","') == "OK"
    report = lived.report(0)
    assert report.splitlines()[2].split('","') == [*columns, ""]
    row = report.splitlines()[3].split('","')
    assert api.body("setDelimiter", authcode=code, delimiter="|") == "OK"
    assert api.body("setOutput", authcode=code, output="XML") == "OK"
    body = lived.report(0)
    start = 'OK\n\n<?xml version="1.0" encoding="utf-8"?><report><header><field id="0">Start Time</field>'
    assert body.startswith(start)
    read = ElementTree.fromstring(body.removeprefix("OK\n\n"))
    assert [one.text for one in read.findall("header/field")] == columns
    assert [one.text or "" for one in read.findall("data/row/field")] == row[:-1]
    assert [one.get("id") for one in read.findall("data/row/field")] == [str(number) for number in range(len(columns))]
    for output, expected in (("XML", body), ("TEXT", plain)):
        assert api.body("setOutput", authcode=code, output=output) == "OK"
        for operation in ("getReport", "getReport_v2"):
            assert api.body(operation, post=True, authcode=code, node=lived.nodes["Root"]) == expected
            for content_type in ENVELOPES:
                inner = (
                    f'<{operation} xmlns="{NS}"><iNodeID>{lived.nodes["Root"]}</iNodeID><eNodeRef>NODE</eNodeRef>'
                    f"<sAuthCode>{code}</sAuthCode></{operation}>"
                )
                answer = post(api, envelope(inner, content_type), content_type)
                assert answer.headers["content-length"] == str(len(answer.body.encode()))
                found = ElementTree.fromstring(answer.body)
                assert next(found.iter(f"{{{NS}}}{operation}Result")).text == "getReport_OK"
                assert next(found.iter(f"{{{NS}}}sReport")).text == expected.removeprefix("OK\n\n")


async def test_the_organization_names_its_custom_fields(lived: Lived) -> None:
    changed, back = (
        ("field-label-0=Customer", "field-label-5=Room"),
        ("field-label-0=Name", "field-label-5=Custom field 5"),
    )
    assert (await rescue(lived.api, "admin", "set", "organization", *changed))[0] == 0
    titles = lived.report(6).splitlines()[2].split("|")
    assert titles[4:10] == ["Customer", *(f"Custom field {number}" for number in range(1, 5)), "Room"]
    assert (await rescue(lived.api, "admin", "set", "organization", *back))[0] == 0


async def test_words_of_reports(lived: Lived) -> None:
    api, own = lived.api, lived.api.authcode("bob")
    assert lived.report(0, "1") == "INVALIDPARAM_NODE"
    assert lived.report(0, "Web") == "INVALIDPARAM_NODE", "a channel is no NODE"
    assert lived.report(0, "bob", nodetype="CHANNEL") == "INVALIDPARAM_NODE"
    assert lived.report(0, "bob", nodetype="OTHER") == "INVALIDPARAM_NODE"
    assert api.body("getReport_v2", authcode=lived.code) == "INVALIDPARAM_NODE"
    assert api.body("getReport_v2", node=lived.nodes["bob"]) == "NOTLOGGEDIN"
    assert api.body("getReport_v2", authcode=own, node=lived.nodes["Root"]) == "NOTLOGGEDINASADMIN"
    assert api.body("getReport_v2", authcode=own, node=lived.nodes["bob"]).count("\n") == 4
