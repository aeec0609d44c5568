"""An administrator changes the organization through the API, in every way, and each failure has its word."""

from __future__ import annotations

import pytest

from tests.e2e.public_api.conftest import Api
from tests.e2e.public_api.every_way import WAYS, ask, ask_every_way, outs

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(90)]
ENABLED = {"status": "Enabled"}


async def test_get_user_tells_what_is_known(api: Api) -> None:
    code = api.authcode()
    admin, bob = api.node("admin", code), api.node("bob", code)
    expected = (
        f"OK\n\nNodeID:{bob}\nName:bob\nNick:\nEmail:bob@rescue.test\nSSOID:bob\nDescription:\nType:Technician\n"
        "HasMobileAddon:False\nIsAccountHolder:False\nStatus:Online\n"
    )
    assert api.body("getUser", authcode=code, node=bob) == f"{expected}\n"
    assert api.body("getUser_v2", authcode=code, node=bob) == f"{expected}\n"
    for asked in ({"node": bob}, {"email": "Bob@rescue.test"}):
        assert api.body("getUser_v3", authcode=code, **asked) == f"{expected}HasRPATAddon:False\n\n"
    assert "IsAccountHolder:True\nStatus:\n" in api.body("getUser", authcode=code, node=admin)
    assert outs(api, "getUser_v3", authcode=code, node=bob) == {
        "getUser_v3Result": "getUser_OK",
        "iNodeID": str(bob),
        "sName": "bob",
        "sNick": "",
        "sEmail": "bob@rescue.test",
        "sSSOID": "bob",
        "sDescription": "",
        "eType": "Technician",
        "bAccountHolder": "false",
        "hasMobileAddon": "false",
        "hasRPATAddon": "false",
        "eStatus": "Online",
    }
    for method in ("getUser", "getUser_v2", "getUser_v3", "getGroup", "getGroup_v2"):
        for node in ("", "x", 17, api.node("Web", code)):
            assert ask_every_way(api, method, authcode=code, node=node) == "INVALIDPARAM_NODE"
    assert ask_every_way(api, "getUser_v3", authcode=code, email="nobody@x") == "INVALIDPARAM_NODE"


@pytest.mark.parametrize("way", WAYS)
async def test_node_0_is_no_node_where_one_may_be_left_out(api: Api, way: str) -> None:
    """Toolkits of SOAP cannot leave an integer out: they send 0."""
    code, own = api.authcode(), api.authcode("bob")
    assert ask(api, way, "getUser_v3", authcode=code, node=0, email="bob@rescue.test") == "OK"
    assert ask(api, way, "getUser_v3", authcode=code, node=0) == "INVALIDPARAM_NODE"
    assert ask(api, way, "getHierarchy_v2", authcode=code, node=0) == "OK"
    assert ask(api, way, "getSession", authcode=code, node=0) == "OK"
    assert ask(api, way, "getSession_v3", authcode=code, node=0) == "INVALIDPARAM_NODE"
    assert ask(api, way, "requestPINCode_v3", authcode=own, nodeid=0) == "OK"


async def test_get_group_tells_what_is_known(api: Api) -> None:
    code = api.authcode()
    node = api.node("Support", code)
    body = api.body("getGroup", authcode=code, node=node)
    head, _, rest = body.partition("Permissions:")
    assert head == f"OK\n\nNodeID:{node}\nName:Support\nDescription:\nType:TechnicianGroup\n"
    permissions, rest = rest.split("\n", 1)
    assert "RemoteControl" in permissions.split(",")
    tail = "LockedPermissions:\nIsEnabled:True\nStandardConcurrentLimit:0\nMobileConcurrentLimit:0\n"
    assert rest == f"{tail}\n"
    assert api.body("getGroup_v2", authcode=code, node=node).endswith(f"{tail}RPATConcurrentLimit:0\n\n")
    assert outs(api, "getGroup", authcode=code, node=node)["sPermissions"] == permissions


@pytest.mark.parametrize("way", WAYS)
async def test_a_new_user_is_disabled_until_they_are_set(api: Api, way: str) -> None:
    code = api.authcode()
    support = api.node("Support", code)
    name = f"erin {WAYS.index(way)}"
    assert ask(api, way, "createUser", authcode=code, parent=support) == "OK"
    last = api.call("getHierarchy_v2", authcode=code, node=support).records[-1]
    node = int(last["NodeID"])
    assert (last["Name"], last["Status"]) == (f"New user {node}", "Disabled")
    email, told = f"erin{node}@example.com", {"nick": "E", "description": "d", "ssoid": f"sso{node}"}
    given = {"authcode": code, "node": node, "name": name, "email": email, "pwd": "a b&c", "confpwd": "a b&c"}
    assert ask(api, way, "setUser_v2", **given, **told, **ENABLED) == "OK"
    (row,) = api.call("getUser_v3", authcode=code, email=email).records
    assert (row["NodeID"], row["Name"], row["Nick"], row["SSOID"]) == (str(node), name, "E", f"sso{node}")
    assert (row["Description"], row["Status"]) == ("d", "Offline")
    assert api.body("login", email=email, pwd="a b&c") == "OK"
    assert api.secret(name) == "a b&c", "a console of the same account finds it"
    assert ask(api, way, "setUser", **given | {"pwd": "", "confpwd": ""}, **ENABLED) == "OK"
    assert api.call("getUser", authcode=code, node=node).records[0]["Nick"] == "E", "what is not given stays"
    assert ask(api, way, "setUserStatus_v7_1", authcode=code, node=node, status="disabled") == "OK"
    assert api.body("login", email=email, pwd="a b&c") == "USER_DELETED_OR_DISABLED"
    assert ask(api, way, "deleteNode", authcode=code, node=node) == "OK"
    assert ask(api, way, "deleteNode", authcode=code, node=node) == "INVALIDPARAM_NODE"
    assert ask(api, way, "createUser", authcode=code, parent=support) == "OK"
    again = api.call("getHierarchy_v2", authcode=code, node=support).records[-1]
    assert int(again["NodeID"]) > node, "no number is given out twice"
    assert ask(api, way, "deleteNode", authcode=code, node=again["NodeID"]) == "OK"


async def test_words_of_people(api: Api) -> None:
    code = api.authcode()
    bob, web, support = api.node("bob", code), api.node("Web", code), api.node("Support", code)
    for parent in ("", "x", 17, bob, web):
        assert ask_every_way(api, "createUser", authcode=code, parent=parent) == "INVALIDPARAM_PARENT"
    known = {"authcode": code, "node": bob, "name": "bob", "email": "bob@rescue.test", "status": "Enabled"}
    for method in ("setUser", "setUser_v2"):
        for change, word in (
            ({}, "OK"),
            ({"node": support}, "INVALIDPARAM_NODE"),
            ({"node": ""}, "INVALIDPARAM_NODE"),
            ({"name": ""}, "INVALIDPARAM_NAME"),
            ({"name": "a:b"}, "INVALIDPARAM_NAME"),
            ({"name": "alice"}, "INVALIDPARAM_NAME"),
            ({"status": ""}, "INVALIDPARAM_STATUS"),
            ({"status": "Online"}, "INVALIDPARAM_STATUS"),
            ({"email": ""}, "INVALIDPARAM_EMAIL"),
            ({"email": "bob"}, "INVALIDPARAM_EMAIL"),
            ({"email": "Alice@rescue.test"}, "INVALIDPARAM_EMAIL_ALREADY_IN_USE"),
            ({"pwd": "one", "confpwd": "two"}, "ERROR"),
        ):
            assert ask_every_way(api, method, **known | change) == word, change
    for method in ("setUserStatus", "setUserStatus_v7_1"):
        assert ask_every_way(api, method, authcode=code, node=web, status="Enabled") == "INVALIDPARAM_NODE"
        assert ask_every_way(api, method, authcode=code, node=bob, status="x") == "INVALIDPARAM_STATUS"
        admin = api.node("admin", code)
        assert ask_every_way(api, method, authcode=code, node=admin, status="Disabled") == "INVALIDPARAM_STATUS"
    assert ask_every_way(api, "deleteNode", authcode=code, node=api.node("admin", code)) == "ACTIONFAILED"
    assert ask_every_way(api, "deleteNode", authcode=code, node=support) == "ACTIONFAILED"
    for node in ("", 17, api.node("Technicians", code)):
        assert ask_every_way(api, "deleteNode", authcode=code, node=node) == "INVALIDPARAM_NODE"


async def test_who_takes_part_in_a_session_is_neither_removed_nor_renamed(api: Api) -> None:
    code = api.authcode()
    bob = api.node("bob", code)
    session, _ = await api.bob.pin("Ms Vos")
    assert ask_every_way(api, "deleteNode", authcode=code, node=bob) == "ACTIONFAILED"
    given = {"authcode": code, "node": bob, "email": "bob@rescue.test", "status": "Enabled"}
    assert ask_every_way(api, "setUser", name="rob", **given) == "INVALIDPARAM_NAME"
    await api.bob.command("end", session)


@pytest.mark.parametrize("way", WAYS)
async def test_a_description_of_several_lines_becomes_one(api: Api, way: str) -> None:
    code = api.authcode()
    node = api.node("carol", code)
    given = {"authcode": code, "node": node, "name": "carol", "email": "carol@rescue.test", **ENABLED}
    assert ask(api, way, "setUser", description="first\nsecond", **given) == "OK"
    assert "\nDescription:first second\n" in api.body("getUser", authcode=code, node=node)


async def test_a_cookie_stays_with_its_user_when_names_change(api: Api) -> None:
    code, names = api.authcode(), {}
    group = api.node("Support", code)
    for name in ("first", "second"):
        node = api.body("createUser", authcode=code, parent=group).removeprefix("OK\n\n")
        names[name] = node, {"authcode": code, "node": node, "email": f"{name}@x.test", **ENABLED}
        assert api.body("setUser", name=name, pwd="a long secret", **names[name][1]) == "OK"
    (node, of_first), (_, of_second) = names["first"], names["second"]
    answer = api.call("login", email="first@x.test", pwd="a long secret")
    sent = {"Cookie": answer.headers["set-cookie"].partition(";")[0]}
    assert api.body("setUser", name="third", **of_first) == "OK"
    assert api.body("setUser", name="first", **of_second) == "OK"
    assert f"TechID:{node}\nEmail:first@x.test\n" in api.call("getAccount", headers=sent).body
    assert api.body("deleteNode", authcode=code, node=node) == "OK"
    assert api.call("getAccount", headers=sent).body == "USER_DELETED_OR_DISABLED"


@pytest.mark.parametrize("way", WAYS)
async def test_groups_are_made_moved_into_and_assigned(api: Api, way: str) -> None:
    code = api.authcode()
    technicians, web, dave = api.node("Technicians", code), api.node("Web", code), api.node("dave", code)
    network = api.node("Network", code)
    fields = {"description": "at night", "permission": "RemoteControl", "lockedpermission": "Chat"}
    name = f"Night {WAYS.index(way)}"
    assert ask(api, way, "createGroup", authcode=code, parent=technicians, name=name, **fields, **ENABLED) == "OK"
    node = api.node(name, code)
    (row,) = api.call("getGroup", authcode=code, node=node).records
    assert (row["Description"], row["Permissions"], row["LockedPermissions"]) == ("at night", "RemoteControl", "Chat")
    assert ask(api, way, "setGroup", authcode=code, node=node, name=f"{name} late", status="Disabled") == "OK"
    (row,) = api.call("getGroup", authcode=code, node=node).records
    assert (row["Name"], row["Description"], row["IsEnabled"]) == (f"{name} late", "at night", "False")
    assert ask(api, way, "assignChannel", authcode=code, node=node, entry=web) == "OK"
    assert ask(api, way, "assignChannel", authcode=code, node=node, entry=web) == "INVALID_ASSIGN"
    assert ask(api, way, "deleteNode", authcode=code, node=node) == "ACTIONFAILED", "it serves a channel"
    assert ask(api, way, "unassignChannel", authcode=code, node=node, entry=web) == "OK"
    assert ask(api, way, "unassignChannel", authcode=code, node=node, entry=web) == "INVALID_DEASSIGN"
    assert ask(api, way, "moveNode", authcode=code, node=dave, targetnode=node) == "OK"
    below = api.call("getHierarchy_v2", authcode=code, node=node).records
    assert [one["Name"] for one in below] == [f"{name} late", "dave"]
    assert api.body("moveNode", authcode=code, nodeID=dave, targetNodeID=network) == "OK", "the other sample's names"
    assert ask(api, way, "setGroup_v2", authcode=code, node=node, name=name, **ENABLED) == "OK"
    assert ask(api, way, "deleteNode", authcode=code, node=node) == "OK"


async def test_words_of_groups(api: Api) -> None:
    code = api.authcode()
    technicians, web, support = (api.node(name, code) for name in ("Technicians", "Web", "Support"))
    alice, network = api.node("alice", code), api.node("Network", code)
    new = {"authcode": code, "parent": technicians, "name": "Day", "status": "Enabled"}
    known = {"authcode": code, "node": support, "name": "Support", "status": "Enabled"}
    for methods, good, change, word in (
        (("createGroup",), new, {"parent": support}, "INVALIDPARAM_NODE"),
        (("createGroup",), new, {"parent": ""}, "INVALIDPARAM_NODE"),
        (("createGroup",), new, {"name": ""}, "INVALIDPARAM_NAME"),
        (("createGroup",), new, {"name": "Support"}, "INVALIDPARAM_NAME"),
        (("createGroup",), new, {"status": "x"}, "INVALIDPARAM_STATUS"),
        (("setGroup", "setGroup_v2"), known, {}, "OK"),
        (("setGroup", "setGroup_v2"), known, {"node": web}, "INVALIDPARAM_NODE"),
        (("setGroup", "setGroup_v2"), known, {"name": ""}, "INVALIDPARAM_NAME"),
        (("setGroup", "setGroup_v2"), known, {"name": "Network"}, "INVALIDPARAM_NAME"),
        (("setGroup", "setGroup_v2"), known, {"status": ""}, "INVALIDPARAM_STATUS"),
    ):
        for method in methods:
            assert ask_every_way(api, method, **good | change) == word, change
    for method in ("assignChannel", "unassignChannel"):
        assert ask_every_way(api, method, authcode=code, node=web, entry=web) == "INVALIDPARAM_NODE"
        for entry in ("", 17, support):
            assert ask_every_way(api, method, authcode=code, node=support, entry=entry) == "INVALIDPARAM_ENTRY"
    for node, target, word in (
        (17, network, "INVALIDPARAM_NODE"),
        (alice, 17, "INVALIDPARAM_TARGETNODE"),
        (alice, web, "INVALID_MOVE"),
        (support, network, "INVALID_MOVE"),
        (api.node("admin", code), network, "INVALID_MOVE"),
    ):
        assert ask_every_way(api, "moveNode", authcode=code, node=node, targetnode=target) == word


async def test_the_last_group_of_a_channel_stays(api: Api) -> None:
    code = api.authcode()
    web, support, network = (api.node(name, code) for name in ("Web", "Support", "Network"))
    assert ask(api, "GET", "unassignChannel", authcode=code, node=support, entry=web) == "OK"
    assert ask_every_way(api, "unassignChannel", authcode=code, node=network, entry=web) == "INVALID_DEASSIGN"
    assert ask(api, "POST", "assignChannel", authcode=code, node=support, entry=web) == "OK"


async def test_technicians_change_nothing(api: Api) -> None:
    code = api.authcode("alice")
    for method in ("getUser", "getGroup", "createUser", "setUser", "setUserStatus", "moveNode", "deleteNode"):
        assert ask_every_way(api, method, authcode=code) == "NOTLOGGEDINASADMIN"
    for method in ("createGroup", "setGroup", "assignChannel", "unassignChannel"):
        assert ask_every_way(api, method, authcode=code) == "NOTLOGGEDINASADMIN"
        assert ask_every_way(api, method) == "NOTLOGGEDIN"
