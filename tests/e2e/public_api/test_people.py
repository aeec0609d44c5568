"""What is known of people: set at the start, by `rescue admin`, and through the API; and who may not come in."""

from __future__ import annotations

import asyncio
import sys

import pytest

from tests.e2e.public_api.conftest import Api

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
