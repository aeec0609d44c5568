"""What people did by hand becomes a scenario file that plays."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rescue_emulator.scenarios.model import BadScenario
from rescue_emulator.scenarios.reader import read_file, read_text
from rescue_emulator.scenarios.recorder import Line, read_journal, write_scenario
from rescue_emulator.testing import World

pytestmark = pytest.mark.timeout(300)  # real programs, on a machine that may be busy


async def rescue(*arguments: str | Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rescue_emulator", *map(str, arguments)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 200)
    assert process.returncode == 0, out.decode() + err.decode()
    return out.decode()


@pytest.mark.long
async def test_two_calls_are_recorded_and_play_as_they_were(tmp_path: Path) -> None:
    both, one = tmp_path / "both.yaml", tmp_path / "one.yaml"
    async with World(speed=1) as world:
        alice, bob = await asyncio.gather(world.technician("alice"), world.technician("bob"))
        await world.set("group:Support", idle_timeout="20m", terms="We may: look # here")
        first, pin = await alice.pin("Vos")
        second, other = await bob.pin("Smit")
        vos = await world.computer(pin=pin, terms="ask", wait=False)
        await vos.event("terms")
        await world.advance(seconds=5)
        await vos.accept()
        await alice.sees(first, "Waiting")
        await alice.start(first)
        await alice.chat(first, "- yes: 'no' # for vos")
        await alice.invite(first, bob)
        await bob.start(first)
        smit = await world.computer(pin=other)
        await bob.sees(second, "Waiting")
        await bob.focus(False)
        await bob.start(second)
        async with vos.lan_off():
            await world.advance(seconds=90)
            await alice.sees(first, "Reconnecting")
        await alice.sees(first, "Active")
        await alice.reboot(first)
        await alice.sees(first, "Rebooting")
        await world.advance(seconds=30)
        await alice.sees(first, "Active")
        await bob.transfer(second, "group:Network", comment="for Dave: now")
        await bob.start(second)
        await bob.open(second, "remote-control")
        await smit.close()
        await bob.sees(second, "Closed")
        await alice.end(first)
        await bob.sees(first, "Closed")
        await rescue("scenario", "record", "--data", world.data, "-o", both)
        await rescue("scenario", "record", first, "--data", world.data, "--title", "The first", "-o", one)
        shown = [update.status for update in alice.history(first)]
    (story,) = read_file(both)
    assert [str(entry).split(",")[0] for entry in story.by_customer["customer-1"]["alice"]] == shown
    assert {"customer-1", "customer-2"} == set(story.customers)
    (alone,) = read_file(one)
    assert (alone.title, alone.customers) == ("The first", ("customer",))
    assert "2 of 2" in await told(both, one)


async def told(*files: Path) -> str:
    lines = [json.loads(line) for line in (await rescue("scenario", "run", "--json", *files)).splitlines()]
    return f"{sum(line['ok'] for line in lines)} of {len(lines)}"


Happened = tuple[float, str, dict[str, str], tuple[str, str | None, str, int | None] | None]


def journal(*events: Happened) -> list[Line]:
    """Lines of a session 1001: seconds since it began, the event, its body, and what changed in whose queue."""
    start = datetime(2026, 1, 5, 9, tzinfo=UTC)
    return [
        {
            "event": "journal",
            "stream": "1001",
            "name": name,
            "at": (start + timedelta(seconds=seconds)).isoformat(),
            "setting_value": "1m" if name == "LinkLost" else None,
            "body": {"at": (start + timedelta(seconds=seconds)).isoformat(), **body},
            "changes": [dict(zip(("technician", "previous", "status", "row"), change, strict=True))] if change else [],
        }
        for seconds, name, body, change in events
    ]


def steps_of(lines: list[Line]) -> list[str]:
    (story,) = read_text(write_scenario(lines), source="recorded")
    return [str(step) for step in story.steps]


JOINED: tuple[Happened, ...] = (
    (0.0, "SessionCreated", {"technician": "alice"}, ("alice", None, "Connecting", None)),
    (1.4, "PinRedeemed", {}, None),
    (1.4, "AppletJoined", {}, ("alice", "Connecting", "Waiting", 1)),
    (2.6, "SessionStarted", {"technician": "alice"}, ("alice", "Waiting", "Active", 3)),
)
ALICE = {"technician": "alice"}


def test_a_cable_is_pulled_a_period_before_the_loss_whatever_others_did_meanwhile() -> None:
    lines = journal(
        *JOINED,
        (55.5, "ChatSent", {**ALICE, "text": "still there?"}, None),
        (64.2, "LinkLost", {}, ("alice", "Active", "Reconnecting", 12)),
        (364.2, "LinkOffline", {}, ("alice", "Reconnecting", "Offline", 28)),
    )
    assert steps_of(lines)[-8:] == [
        "clock: advance 2s",
        "customer: lan off",
        "clock: advance 51s",
        "alice: chat still there?",
        "clock: advance 10s",
        "alice: sees Reconnecting",
        "clock: advance 5m",
        "alice: sees Offline",
    ]


def test_a_computer_that_said_something_was_not_cut_off_before() -> None:
    lines = journal(
        *JOINED,
        (7.0, "ChatSent", {"technician": "", "text": "one moment"}, None),
        (64.2, "LinkLost", {}, ("alice", "Active", "Reconnecting", 12)),
        (364.2, "LinkOffline", {}, ("alice", "Reconnecting", "Offline", 28)),
    )
    assert steps_of(lines)[-7:] == [
        "clock: advance 5s",
        "customer: chat one moment",
        "customer: lan off",
        "clock: advance 1m",
        "alice: sees Reconnecting",
        "clock: advance 5m",
        "alice: sees Offline",
    ]


@pytest.mark.parametrize(
    ("who", "back", "told"),
    [
        ("", 122.9, ["customer: reboot 2m", "alice: sees Rebooting", "clock: advance 2m1s"]),
        ("", None, ["customer: reboot hold", "alice: sees Rebooting"]),
        ("alice", 9.0, ["alice: sees Rebooting", "clock: advance 31s"]),
    ],
    ids=["the customer's own", "the customer's own, without end", "a technician's, quicker than when it is played"],
)
def test_a_reboot_takes_as_long_as_it_took(who: str, back: float | None, told: list[str]) -> None:
    ended: list[Happened] = (
        [(back, "LinkRestored", {}, ("alice", "Rebooting", "Active", 52))] if back is not None else []
    )
    lines = journal(*JOINED, (2.8, "RebootBegan", {"technician": who}, ("alice", "Active", "Rebooting", 11)), *ended)
    steps = steps_of(lines)
    at = steps.index("alice: start") + 1
    assert steps[at : at + len(told)] == told
    assert steps[at + len(told) :] == ["alice: sees Active"] * len(ended)


WEB = {"technician": "", "channel": "Web", "owner": "channel:Web"}


@pytest.mark.parametrize("joined", [0.0, 0.3])
def test_what_was_passed_through_at_once_is_not_waited_for(joined: float) -> None:
    lines = journal(
        (0.0, "SessionCreated", WEB, ("alice", None, "Connecting", None)),
        (joined, "AppletJoined", {}, ("alice", "Connecting", "Waiting", 1)),
        (joined, "SessionStarted", ALICE, ("alice", "Waiting", "Active", 3)),
    )
    assert steps_of(lines) == ["customer: run applet channel:Web", "alice: sees Waiting", "alice: start"]


@pytest.mark.parametrize(
    ("terms", "answer", "told"),
    [
        ("", (1.3, "AppletJoined", {}, ("alice", "Connecting", "Waiting", 1)), []),
        ("Be kind.", (3.3, "AppletJoined", {}, ("alice", "Connecting", "Waiting", 1)), ["terms:ask", "accept"]),
        ("Be kind.", (3.3, "TermsDeclined", {}, None), ["terms:decline"]),
        ("Be kind.", (1200.0, "ConnectingTimedOut", {}, ("alice", "Connecting", "Waiting", 1)), ["terms:ask"]),
    ],
    ids=["no terms", "accepted later", "declined", "never answered"],
)
def test_terms_are_answered_only_where_there_are_any(terms: str, answer: Happened, told: list[str]) -> None:
    created = (0.0, "SessionCreated", {**ALICE, "owner": "group:Support"}, ("alice", None, "Connecting", None))
    lines = [
        administered("SettingsChanged", owner="group:Support", periods={}, terms=terms),
        *journal(created, (1.0, "PinRedeemed", {}, None), answer),
    ]
    customer = [step.removeprefix("customer: ") for step in steps_of(lines) if step.startswith("customer: ")]
    assert customer == [" ".join(["run applet", *told[:1]]), *told[1:]]


def administered(event: str, **body: object) -> Line:
    at = "2026-01-05T08:00:00+00:00"
    return {"event": "journal", "stream": "organization", "name": event, "at": at, "body": body, "changes": []}


def test_settings_are_those_of_who_can_take_part_and_zero_is_never() -> None:
    night = administered("SettingsChanged", owner="group:Night", periods={"idle_timeout": "PT60S"})
    support = administered(
        "SettingsChanged", owner="group:Support", periods={"waiting_timeout": "P0D", "idle_timeout": "PT90S"}
    )
    (story,) = read_text(write_scenario([night, support, *journal(*JOINED)]), source="recorded")
    assert story.settings == {"group:Support": {"waiting-timeout": "0s", "idle-timeout": "1m30s"}}


def test_only_who_took_part_is_a_participant() -> None:
    people = [
        administered("TechnicianAdded", name="erin", group="Night"),
        administered("TechnicianAdded", name="zoe", group="Night"),
        administered("TechnicianMoved", name="zoe", group="Network"),
    ]
    invited = (3.0, "TechnicianInvited", {**ALICE, "invited": "zoe"}, ("zoe", None, "Invitation", None))
    (story,) = read_text(write_scenario([*people, *journal(*JOINED, invited)]), source="recorded")
    assert story.extra == {"zoe": "Network"}


def test_what_cannot_be_recorded_is_refused() -> None:
    with pytest.raises(BadScenario, match="the journal does not have any session"):
        write_scenario([])
    with pytest.raises(BadScenario, match="the journal does not have 1009"):
        write_scenario([], ["1009"])
    with pytest.raises(BadScenario, match="this is no journal"):
        read_journal("title: x\n")
    added = administered("TechnicianAdded", name="zoe", group="Night")
    session = journal((0.0, "SessionCreated", {"technician": "zoe"}, ("zoe", None, "Connecting", None)))
    with pytest.raises(BadScenario, match="zoe is of Night"):
        write_scenario([added, *session])
