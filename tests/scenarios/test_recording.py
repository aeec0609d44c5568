"""What people did by hand becomes a scenario file that plays."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import pytest

from rescue_emulator import World
from rescue_emulator.scenarios.model import BadScenario
from rescue_emulator.scenarios.reading import read_file
from rescue_emulator.scenarios.recording import read_journal, recorded

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
    async with World() as world:
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


def test_what_cannot_be_recorded_is_refused() -> None:
    with pytest.raises(BadScenario, match="the journal does not have any session"):
        recorded([])
    with pytest.raises(BadScenario, match="the journal does not have 1009"):
        recorded([], ["1009"])
    with pytest.raises(BadScenario, match="this is no journal"):
        read_journal("title: x\n")
    added = {
        "event": "journal",
        "stream": "organization",
        "name": "TechnicianAdded",
        "at": "2026-01-05T09:00:00Z",
        "body": {"name": "zoe", "group": "Night"},
        "changes": [],
    }
    session = {**added, "stream": "1001", "name": "SessionCreated", "body": {"technician": "zoe"}}
    with pytest.raises(BadScenario, match="zoe is of Night"):
        recorded([added, session])
