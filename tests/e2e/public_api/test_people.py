"""What is known of people: set at the start, by `rescue admin`, and through the API; and who may not come in."""

from __future__ import annotations

import asyncio
import json
import sys

import pytest

from rescue_emulator import World
from tests.e2e.public_api.conftest import Api
from tests.e2e.public_api.every_way import WAYS, ask, ask_every_way, outs

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(90)]


async def rescue(api: Api, *arguments: str) -> tuple[int, str]:
    """Run a command on the world's server; return its exit status and output."""
    command = (sys.executable, "-m", "rescue_emulator", *arguments, "--data", str(api.world.data))
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    output = (await process.communicate())[0].decode()
    return process.returncode or 0, output


async def test_rescue_admin_sets_what_is_known_of_people(api: Api) -> None:
    details = ("email=dave@example.com", "nick=D", "description=nights only")
    assert await rescue(api, "admin", "set", "technician:dave", *details) == (
        0,
        "technician:dave email=dave@example.com\ntechnician:dave nick=D\ntechnician:dave description=nights only\n",
    )
    (row,) = [one for one in api.call("getHierarchy", authcode=api.authcode()).records if one["Name"] == "dave"]
    assert (row["Email"], row["Description"]) == ("dave@example.com", "nights only")
    for email in ("dave@example.com", "DAVE@EXAMPLE.com", "dave"):
        assert api.body("requestAuthCode", email=email, pwd=api.secret("dave")).startswith("OK\n\nAUTHCODE:")
    assert api.body("login", email="dave@rescue.test", pwd=api.secret("dave")) == "INVALID"
    status, output = await rescue(api, "admin", "set", "technician:carol", "email=dave@example.com")
    assert (status != 0, "dave has the e-mail address" in output) == (True, True)
    status, output = await rescue(api, "admin", "set", "technician:carol", "shoes=9")
    assert (status != 0, "possible: email, ssoid" in output) == (True, True)


async def test_the_organization_has_a_number_and_a_name(api: Api) -> None:
    changed = ("account-id=4711", "organization-name=Example", "field-label-0=Customer")
    assert (await rescue(api, "admin", "set", "organization", *changed))[0] == 0
    code = api.authcode()
    assert api.body("getAccount", authcode=code).startswith("OK\n\nAccountID:4711\nOrganization:Example\n")
    assert api.body("getSession_v3", authcode=code, node=4711).startswith("OK\n\nID|")
    assert api.body("getSession_v3", authcode=code, node=3000001) == "INVALIDPARAM_NODE"
    back = ("account-id=3000001", "organization-name=Emulated organization", "field-label-0=Name")
    assert (await rescue(api, "admin", "set", "organization", *back))[0] == 0


async def test_a_disabled_user_stays_outside(api: Api) -> None:
    code, secret = api.authcode("carol"), api.secret("carol")
    assert (await rescue(api, "admin", "set", "technician:carol", "enabled=false"))[0] == 0
    assert api.body("getAccount", authcode=code) == "USER_DELETED_OR_DISABLED"
    assert api.body("login", email="carol@rescue.test", pwd=secret) == "USER_DELETED_OR_DISABLED"
    assert api.body("login", email="carol@rescue.test", pwd="wrong") == "INVALID"
    status, output = await rescue(api, "events", "--user", "carol")
    assert (status != 0, "carol is disabled" in output) == (True, True), output
    (row,) = [one for one in api.call("getHierarchy", authcode=api.authcode()).records if one["Name"] == "carol"]
    assert row["Status"] == "Disabled"
    assert (await rescue(api, "admin", "set", "technician:carol", "enabled=true"))[0] == 0
    assert api.body("getAccount", authcode=code).startswith("OK")
    status, output = await rescue(api, "admin", "set", "administrator:admin", "enabled=false")
    assert (status != 0, "last administrator" in output) == (True, True), output


async def test_an_sso_id_and_the_organizations_password_give_a_code(api: Api) -> None:
    given = {"ssoid": "bob", "pwd": "one for all", "company": 3000001}
    assert ask_every_way(api, "requestAuthCodeSSO", **given) == "INVALID", "nobody set the password"
    assert (await rescue(api, "admin", "set", "organization", "sso-password=one for all")) == (0, "")
    for way in WAYS:
        assert ask(api, way, "requestAuthCodeSSO", **given) == "OK"
    code = api.body("requestAuthCodeSSO", **given).partition("AUTHCODE:")[2]
    assert "Email:bob@rescue.test\n" in api.body("getAccount_v3", authcode=code)
    for change, word in (
        ({"company": 17}, "INVALIDPARAM_COMPANY"),
        ({"company": ""}, "INVALIDPARAM_COMPANY"),
        ({"pwd": "wrong"}, "INVALID"),
        ({"pwd": api.secret("bob")}, "INVALID"),
        ({"ssoid": "nobody"}, "INVALID"),
    ):
        assert ask(api, "GET", "requestAuthCodeSSO", **given | change) == word
    _, output = await rescue(api, "events")
    assert "sso-password-hash of the organization" in output
    assert "one for all" not in output
    assert "scrypt" not in output + (await rescue(api, "events", "--json"))[1]


async def test_an_api_token_stands_for_an_administrator(api: Api) -> None:
    _, output = await rescue(api, "admin", "api-token", "--json")
    token = json.loads(output.splitlines()[-1])["token"]
    code = api.authcode()
    for each in (token, code):
        assert "Email:admin@rescue.test\n" in api.body("getAccount", authcode=each), "the code voids no token"
    _, output = await rescue(api, "admin", "api-token", "admin", "--json")
    other = json.loads(output.splitlines()[-1])["token"]
    assert api.body("getAccount", authcode=token) == "INVALID_SECRETAUTHCODE"
    assert api.body("getAccount", authcode=other).startswith("OK")
    assert (await rescue(api, "admin", "api-token", "admin", "--revoke"))[0] == 0
    assert api.body("getAccount", authcode=other) == "INVALID_SECRETAUTHCODE"
    assert (await rescue(api, "admin", "api-token", "alice"))[0] != 0, "a technician has none"
    assert other not in (await rescue(api, "events", "--json"))[1]


async def test_chosen_passwords_cannot_be_guessed_quickly(api: Api) -> None:
    code = api.authcode()
    given = {"node": api.node("dave", code), "name": "dave", "email": "dave@example.com", "status": "Enabled"}
    assert api.body("setUser", authcode=code, pwd="summer", **given) == "OK"
    words = [api.body("login", email="dave", pwd=f"guess {number}") for number in range(70)]
    assert set(words) == {"INVALID", "LIMITREACHED"}, "whoever guesses has to wait, though limits are off"
    assert api.body("login", email="admin", pwd=api.secret("admin")) == "OK", "nobody guesses this one"


async def test_the_vendors_limits_hold_unless_they_are_off() -> None:
    async with World(api=True, options=("--api-limits", "vendor")) as world:
        technician = await world.technician("alice")
        limited = Api(world, world.api.url, technician, technician)
        code = limited.authcode("alice")
        asked = [ask(limited, way, "requestPINCode", authcode=code) for way in WAYS]
        assert (asked[0], "POLLRATEEXCEEDED" in asked) == ("OK", True)
        alice = await world.api.node("alice")
        reports = [ask(limited, way, "getReport", authcode=code, node=alice) for way in WAYS]
        assert reports == ["OK", *["POLLRATEEXCEEDED"] * 3]
        assert limited.body("setReportArea", authcode=code, area=2) == "OK"
        assert ask(limited, "GET", "getReport", authcode=code, node=alice) == "OK", "another area"
        words = [limited.body("login", email="bob", pwd=limited.secret("bob")) for _ in range(11)]
        assert words == [*["OK"] * 10, "LIMITREACHED"]
        words = [ask(limited, way, "requestAuthCode", email="bob", pwd="x") for way in WAYS]
        assert words == ["LIMITREACHED"] * 4
        result = outs(limited, "requestAuthCode", email="bob", pwd="x")["requestAuthCodeResult"]
        assert result == "requestAuthCode_PollRateExceeded"
