"""SOAP 1.1 and 1.2 from the same table as text: the bytes, the faults, and a real toolkit that reads the WSDL."""

from __future__ import annotations

import asyncio
import http.client
from urllib.parse import urlsplit
from xml.etree import ElementTree

import pytest
import zeep
from zeep.cache import InMemoryCache
from zeep.transports import Transport

from tests.e2e.public_api.conftest import Answered, Api

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(90),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
NS = "https://secure.logmeinrescue.com/API/API.asmx"
ENVELOPES = {
    "text/xml; charset=utf-8": "http://schemas.xmlsoap.org/soap/envelope/",
    "application/soap+xml; charset=utf-8": "http://www.w3.org/2003/05/soap-envelope",
}
XSD = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema"'


def post(
    api: Api, body: str | bytes, content_type: str = "text/xml; charset=utf-8", path: str = "/api/api.ASMX"
) -> Answered:
    target = urlsplit(api.url)
    connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=20)
    try:
        connection.request("POST", path, body, {"Content-Type": content_type})
        answer = connection.getresponse()
        headers = {name.lower(): value for name, value in answer.getheaders()}
        return Answered(answer.status, headers, answer.read().decode())
    finally:
        connection.close()


def envelope(inner: str, content_type: str) -> str:
    space = ENVELOPES[content_type]
    return f'<s:Envelope xmlns:s="{space}"><s:Header/><s:Body>{inner}</s:Body></s:Envelope>'


@pytest.mark.parametrize("content_type", ENVELOPES)
async def test_the_bytes_of_an_answer(api: Api, content_type: str) -> None:
    code = api.authcode()
    node = api.node("admin", code)
    # Children in any order, unknown ones, another prefix, another case.
    inner = f'<x:GETACCOUNT_V2 xmlns:x="{NS}"><x:other>1</x:other><x:sAuthCode>{code}</x:sAuthCode></x:GETACCOUNT_V2>'
    answer = post(api, envelope(inner, content_type), content_type)
    head = f'<?xml version="1.0" encoding="utf-8"?><soap:Envelope xmlns:soap="{ENVELOPES[content_type]}" {XSD}>'
    assert answer.body == (
        f'{head}<soap:Body><getAccount_v2Response xmlns="{NS}"><getAccount_v2Result>getAccount_OK</getAccount_v2Result>'
        "<iAccountID>3000001</iAccountID><sOrganization>Emulated organization</sOrganization>"
        f"<iAdminID>{node}</iAdminID><iTechID>0</iTechID>"
        "<sEmail>admin@rescue.test</sEmail><bTcRunning>false</bTcRunning>"
        "</getAccount_v2Response></soap:Body></soap:Envelope>"
    )
    assert (answer.status, answer.headers["content-type"]) == (200, content_type)
    wrong = post(api, envelope(inner.replace(code, "wrong"), content_type), content_type)
    assert wrong.body == (
        f'{head}<soap:Body><getAccount_v2Response xmlns="{NS}"><getAccount_v2Result>'
        "getAccount_Invalid_SecretAuthCode</getAccount_v2Result></getAccount_v2Response></soap:Body></soap:Envelope>"
    )


@pytest.mark.parametrize("content_type", ENVELOPES)
@pytest.mark.parametrize(
    "body",
    [
        "",
        "this is no XML",
        "<a/>",
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>',
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><getPicklist/></s:Body></s:Envelope>',
        '<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        '<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>',
        '<?xml version="1.0" encoding="no-such"?><a/>',
        "<a>" * 100_000,
        b"\xff\xfe\x00",
    ],
)
async def test_what_is_no_call_gets_a_fault(api: Api, body: str | bytes, content_type: str) -> None:
    answer = post(api, body, content_type)
    assert answer.status == 500
    assert "<soap:Fault>" in answer.body
    ElementTree.fromstring(answer.body)
    assert ("soap:Client" in answer.body) is not ("soap:Sender" in answer.body)


async def test_a_real_toolkit_reads_the_wsdl_and_calls(api: Api) -> None:
    session, pin = await api.alice.pin("Ms <&> Vos")
    await api.world.computer(pin=pin)
    await api.alice.sees(session, "Waiting")
    await asyncio.to_thread(call_everything, api, int(session))
    await api.alice.sees(session, "Removed from TC queue")


def call_everything(api: Api, session: int) -> None:
    transport = Transport(cache=InMemoryCache(), timeout=20, operation_timeout=20)  # type: ignore[no-untyped-call]
    client = zeep.Client(f"{api.url}/API.asmx?WSDL", transport=transport)  # type: ignore[no-untyped-call]
    assert set(client.wsdl.services["API"].ports) == {"APISoap", "APISoap12"}
    old, new = client.bind("API", "APISoap"), client.bind("API", "APISoap12")
    location = client.wsdl.services["API"].ports["APISoap"].binding_options["address"]
    assert location == f"{api.url}/API.asmx"
    name, secret = "admin@rescue.test", api.secret("admin")
    code = old.requestAuthCode(sEmail=name, sPassword=secret)["sAuthCode"]
    assert old.login(sEmail=name, sPassword="wrong") == "login_Invalid"
    assert old.login(sEmail=name, sPassword=secret) == "login_OK"
    cookie_only = old.getAccount(sAuthCode="")
    assert (cookie_only["getAccountResult"], cookie_only["sEmail"]) == ("getAccount_OK", name)
    assert old.logout() == "logout_OK"
    assert old.getAccount(sAuthCode="")["getAccountResult"] == "getAccount_NotLoggedIn"
    for port in (old, new):
        nodes = {one["sName"]: one for one in port.getHierarchy(sAuthCode=code)["aHierarchy"]["HIERARCHY"]}
        alice, web = nodes["alice"]["iNodeID"], nodes["Web"]["iNodeID"]
        assert (nodes["alice"]["eType"], nodes["alice"]["eStatus"]) == ("Technician", "Online")
        part = port.getHierarchy_v2(sAuthCode=code, bIsNode=True, iNode=web, bFilterOffline=False)
        assert [one["sName"] for one in part["aHierarchy"]["HIERARCHY"]] == ["Web"]
        available = port.isAnyTechAvailableOnChannel(iChannelID=web, bExcludingAwayAndBusy=False, sAuthCode=code)
        assert (available["isAnyTechAvailableOnChannelResult"], available["bAvailable"]) == (
            "isAnyTechAvailableOnChannel_OK",
            True,
        )
        listed = port.getSession_V3(iNodeID=alice, eNodeRef="NODE", sAuthCode=code)
        row = next(one for one in listed["aSessions"]["SESSION_V3"] if one["iID"] == session)
        assert (listed["getSession_V3Result"], row["bStatus"], row["sStatus"], row["sCustomField0"]) == (
            "getSession_OK",
            "SESSION_WAITING",
            "Waiting",
            "Ms <&> Vos",
        )
        assert (row["sEntry"], row["bIsLead"], row["sTechnician"]) == (None, False, "alice")
        wrong = port.getSession_V3(iNodeID=1, sAuthCode=code)
        assert (wrong["getSession_V3Result"], wrong["aSessions"]) == ("getSession_InvalidParam_NodeID", None)
        fields = {f"sCField{number}": f"{number}" for number in range(6)}
        pin = port.requestPINCodeV3(nodeId=alice, sTracking0="", sAuthCode=code, **fields)
        assert pin["requestPINCodeV3Result"] == "requestPINCode_OK"
        assert len(pin["sPINCode"]) == 6
        own = api.authcode("alice")
        number = port.requestPINCode(sAuthCode=own, **fields)
        assert (number["requestPINCodeResult"], type(number["iPINCode"])) == ("requestPINCode_OK", int)
    assert old.startSession(iSession=session, iNode=alice, sAuthCode=code) == "startSessionRet_OK"
    assert new.holdSession(iSession=session, sAuthCode=code) == "holdSessionRet_OK"
    target = nodes["dave"]["iNodeID"]
    assert old.transferSession(iSession=session, iNode=target, sComment="", sAuthCode=code) == "transferSessionRet_OK"
    assert new.cancelAction(iSession=session, sAuthCode=code) == "cancelActionRet_OK"
    assert old.closeSession(iSession=session, sAuthCode=code) == "closeSessionRet_OK"
    assert new.closeSession(iSession=session, sAuthCode=code) == "closeSessionRet_ActionFailed"


async def test_text_and_soap_tell_the_same_facts(api: Api) -> None:
    code = api.authcode()
    texts = api.call("getHierarchy", authcode=code).records
    for content_type in ENVELOPES:
        inner = f'<getHierarchy xmlns="{NS}"><sAuthCode>{code}</sAuthCode></getHierarchy>'
        answer = ElementTree.fromstring(post(api, envelope(inner, content_type), content_type).body)
        items = answer.iter(f"{{{NS}}}HIERARCHY")
        assert [[child.text or "" for child in item] for item in items] == [list(one.values()) for one in texts]


async def test_pages_describe_the_operations(api: Api) -> None:
    listing = api.call("", path="/API/API.asmx")
    assert (listing.status, listing.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "getSession_V3" in listing.body
    assert "&lt;sAuthCode&gt;" in api.call("", path="/API/API.asmx?op=getsession_v3").body
    assert api.call("", path="/API/API.asmx?op=nothing").status == 404
    names = [
        name.partition('"')[0].lower()
        for name in api.call("", path="/api/API.asmx?wsdl").body.split('operation name="')
    ]
    assert len(set(names[1:])) * 3 == len(names[1:]), "in the port type and in two bindings"


async def test_an_invitation_link_leads_to_a_page_that_tells_no_pin_from_another(api: Api) -> None:
    code = api.authcode()
    alice, dave = api.node("alice", code), api.node("dave", code)
    found = set()
    for content_type in ENVELOPES:
        inner = (
            f'<requestInvitationLink xmlns="{NS}"><nodeId>{alice}</nodeId><sCField0>Ms Vos</sCField0>'
            f"<sAuthCode>{code}</sAuthCode></requestInvitationLink>"
        )
        body = post(api, envelope(inner, content_type), content_type).body
        origin = api.url.removesuffix("/API")
        link = body.partition("<sInvitationLink>")[2].partition("</sInvitationLink>")[0]
        assert link.startswith(f"{origin}/R?i=2&amp;Code=")
        assert "<requestInvitationLinkResult>requestInvitationLink_OK<" in body
        pin = link.rpartition("=")[2]
        found.add(pin)
        page = api.call("", path=f"/R?i=2&Code={pin}")
        assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert f"rescue applet --pin {pin}" in page.body
        other = str(int(pin) ^ 1)
        assert api.call("", path=f"/r?i=2&Code={other}").body == page.body.replace(pin, other.zfill(6))
        await api.world.computer(pin=pin)
    assert len(found) == 2
    absent = inner.replace(str(alice), str(dave))
    failed = post(api, envelope(absent, content_type), content_type).body
    assert "requestInvitationLink_NoTechConsoleRunning" in failed
    for text in ("<script>", "1234567", ""):
        assert "rescue applet --pin PIN" in api.call("", path=f"/R?i=2&Code={text}").body
    assert api.call("requestInvitationLink", authcode=code).status == 404, "it has no text form"
