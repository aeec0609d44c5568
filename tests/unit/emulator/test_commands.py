"""`rescue admin` and `rescue clock` as processes, against a real gRPC server."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from rescue_protos.errors import InvalidArgument
from rescue_protos.v1 import clock_pb2

if TYPE_CHECKING:
    from tests.fakes.administration import FakeAdministration
    from tests.unit.emulator.conftest import Rescue


async def test_settings_are_changed_and_only_those_that_were_named(
    fake: FakeAdministration, state: Path, rescue: Rescue
) -> None:
    done = await rescue(
        "admin",
        "set",
        "group:Support",
        "idle-timeout=1m30s",
        "waiting-timeout=0",
        "terms=I agree",
        "--data",
        str(state),
    )
    assert (done.status, done.out.splitlines()) == (
        0,
        [
            "group:Support idle-timeout=1m30s",
            "group:Support waiting-timeout=0s",
            "group:Support terms=I agree",
        ],
    )
    (asked,) = fake.requests
    assert (asked.group, asked.set_terms, asked.settings.terms) == ("Support", True, "I agree")
    assert {name.name for name, _ in asked.settings.ListFields()} >= {"idle_timeout", "waiting_timeout"}
    assert not asked.settings.HasField("reconnect_period")


async def test_empty_terms_take_them_away(fake: FakeAdministration, state: Path, rescue: Rescue) -> None:
    assert (await rescue("admin", "set", "channel:Web", "terms=", "--data", str(state))).status == 0
    assert (fake.requests[0].channel, fake.requests[0].set_terms, fake.requests[0].settings.terms) == ("Web", True, "")


async def test_a_refusal_shows_the_servers_message_with_the_range(
    fake: FakeAdministration, state: Path, rescue: Rescue
) -> None:
    fake.refusals.append(
        InvalidArgument(
            "bad settings",
            code="OUT_OF_RANGE",
            reason="OUT_OF_RANGE",
            fields={"idle_timeout": "1 to 999 minutes"},
        )
    )
    done = await rescue("admin", "set", "group:Support", "idle-timeout=1000m", "--data", str(state))
    assert (done.status, done.out) == (1, "")
    assert done.err == "Error: bad settings; idle_timeout: 1 to 999 minutes\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["group:Support", "idle-timeout"], "write SETTING=VALUE"),
        (["group:Support", "idle=1m"], "possible: private-code-validity, connecting-timeout"),
        (["group:Support", "idle-timeout=soon"], "idle-timeout: 'soon' is not a duration (possible: 90s, 5m"),
        (["group:Support", "idle-timeout=-1m"], "1m to 999m, or 0 for never"),
        (["Support", "idle-timeout=1m"], "possible: group:NAME, channel:NAME"),
    ],
)
async def test_wrong_usage_says_what_is_possible(
    state: Path, fake: FakeAdministration, rescue: Rescue, arguments: list[str], message: str
) -> None:
    done = await rescue("admin", "set", *arguments, "--data", str(state))
    assert done.status == 2
    assert message in done.err
    assert not fake.requests


async def test_show_prints_what_set_takes(state: Path, rescue: Rescue) -> None:
    done = await rescue("admin", "--data", str(state), "show", "--json")
    shown = json.loads(done.out)
    assert shown["groups"][0]["technicians"] == ["alice", "bob"]
    assert shown["groups"][0]["settings"]["reconnect-period"] == "1m"
    assert shown["channels"][0]["settings"]["terms"] == "Be nice"
    text = await rescue("admin", "show", "--data", str(state))
    assert "idle-timeout           never" in text.out


async def test_a_secret_is_printed_only_when_asked_for(fake: FakeAdministration, state: Path, rescue: Rescue) -> None:
    add = ("admin", "add", "technician", "erin", "--group", "Support", "--data", str(state))
    quiet = await rescue(*add)
    assert (quiet.status, quiet.out, quiet.err) == (0, "", "added technician erin to Support\n")
    told = await rescue(*add, "--show-secret")
    assert told.out == "fresh\n"
    assert json.loads((await rescue(*add, "--show-secret", "--json")).out)["secret"] == "fresh"
    assert (fake.requests[0].name, fake.requests[0].group) == ("erin", "Support")
    assert fake.requests[0].request_id != fake.requests[1].request_id


async def test_a_channel_may_be_served_by_several_groups(fake: FakeAdministration, state: Path, rescue: Rescue) -> None:
    await rescue("admin", "add", "channel", "Shop", "--group", "A", "--group", "B", "--data", str(state))
    assert list(fake.requests[0].groups) == ["A", "B"]


async def test_the_clock_is_shown_moved_and_paced(fake: FakeAdministration, state: Path, rescue: Rescue) -> None:
    data = ("--data", str(state))
    assert (await rescue("clock", *data)).out == "2026-01-05T09:00:00Z  paused\n"
    moved = await rescue("clock", "advance", "1h30m", "--json", *data)
    assert json.loads(moved.out) == {"now": "2026-01-05T10:30:00Z", "speed": 1.0, "paused": True}
    assert (await rescue("clock", "speed", "60", *data)).out == "2026-01-05T10:30:00Z  running at speed 60\n"
    assert (await rescue("clock", "--json", "pause", *data)).out.startswith("{")
    assert [type(request) for request in fake.requests] == [
        clock_pb2.GetClockRequest,
        clock_pb2.AdvanceClockRequest,
        clock_pb2.SetClockSpeedRequest,
        clock_pb2.PauseClockRequest,
    ]
    assert fake.requests[1].by.ToTimedelta() == timedelta(minutes=90)


async def test_an_absent_server_is_one_line_and_not_a_long_wait(
    rescue: Rescue, state: Path, fake: FakeAdministration
) -> None:
    done = await rescue("clock", "--server", "127.0.0.1:1", "--data", str(state))
    assert done.status == 1
    assert done.err.startswith("Error: the server at 127.0.0.1:1 does not answer: ")
    assert done.err.count("\n") == 1


async def test_without_access_it_says_what_to_do(rescue: Rescue, tmp_path: Path) -> None:
    done = await rescue("admin", "show", "--data", str(tmp_path / "nowhere"))
    assert done.status == 1
    assert "start `rescue server`, or name one with --server" in done.err


async def test_somebody_without_the_right_secret_is_told_so(rescue: Rescue, state: Path) -> None:
    done = await rescue("admin", "show", "--user", "alice", "--data", str(state))
    assert (done.status, done.err) == (1, "Error: wrong secret\n")


async def test_admin_knows_all_its_commands(rescue: Rescue) -> None:
    shown = (await rescue("admin", "--help")).out
    for name in ("add", "move", "remove", "renew-secret", "set", "show"):
        assert f"  {name} " in shown
