"""What a tester reads when a test fails: what the test did, how it ended, and what would have had to happen."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from rescue_emulator.testing import NotSeen, Process, World


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with World() as found:
        yield found


async def test_the_report_tells_acts_statuses_and_the_end(world: World) -> None:
    alice = await world.technician("alice")
    session, pin = await alice.pin("Ms Vos")
    computer = await world.computer(pin=pin, name="Ms Vos")
    await alice.start(session)
    await world.set("group:Support", idle_timeout="2m")
    await world.faults.add("when any becomes Offline: lan on")
    await world.faults.add("when any becomes Reconnecting: lan delay 1ms")
    async with computer.lan_off():
        await world.advance(minutes=1)
        await alice.sees(session, "Reconnecting")
    await alice.sees(session, "Active")
    await world.advance(minutes=5)
    with pytest.raises(NotSeen) as failure:
        await alice.sees(session, "Timed Out", timeout=0.1)
    told = failure.value.report
    acts = [line.partition(" > ")[2] for line in told.partition("timeline (")[2].splitlines()[1:] if " > " in line]
    assert acts == [
        "alice: pin Ms Vos",
        "Ms Vos starts with a PIN",
        f"alice: start {session}",
        "settings of group:Support: idle-timeout='2m' (was '0s')",
        "fault rule 1: when any becomes Offline: lan on",
        "fault rule 2: when any becomes Reconnecting: lan delay 1ms",
        "Ms Vos: lan off",
        "advance 1m",
        "Ms Vos: lan lift off",
        "advance 5m",
    ]
    assert told.count("Active -> Reconnecting (row 12)") == 1
    assert told.count(f"{session} Active;") == 1
    assert told.index("advance 1m") < told.index("Active -> Reconnecting") < told.index("lan lift off")
    assert f"\n    {session} Active; idle-timeout is not running: the console is in focus\n" in told
    assert "\n  Ms Vos: link connected, cable on, delay 0.001s (session" in told
    assert "\n  settings of group:Support: idle-timeout='2m' (was '0s')\n" in told
    assert re.search(r"\n  fault rule 2, fired at \d\d:\d\d:\d\d: when any becomes Reconnecting", told)
    assert "\n  fault rule 1, armed and never fired: when any becomes Offline: lan on\n" in told
    assert ", paused\n" in told
    assert "Active becomes Timed Out when this happens (row 9): Nothing happened in the running session" in str(
        failure.value
    )


async def test_the_report_says_what_runs_out_and_what_holds_it(world: World) -> None:
    alice = await world.technician("alice")
    session, pin = await alice.pin()
    assert f"{session} Connecting; connecting-timeout ends at " in await world.look()
    await world.computer(pin=pin)
    await alice.start(session)
    assert "not running: the setting is 0, which is never, the console is in focus\n" in await world.look()
    await world.set("group:Support", idle_timeout="5m")
    await alice.focus(False)
    assert "Active; idle-timeout ends at " in await world.look()
    await alice.open(session, Process.FILE_MANAGER)
    assert "Active; idle-timeout is not running: file-manager is open" in await world.look()


async def test_what_cannot_come_next_is_said(world: World) -> None:
    alice = await world.technician("alice")
    session, _ = await alice.pin()
    with pytest.raises(NotSeen, match=r"Connecting never becomes Active at once; it can become .*Waiting"):
        await alice.sees(session, "Active", timeout=0.1)
    with pytest.raises(NotSeen, match="the session was never in this queue"):
        await alice.sees("9999", "Active", timeout=0.1)


async def test_a_report_without_a_server_has_what_was_shown(world: World) -> None:
    alice = await world.technician("alice")
    session, _ = await alice.pin()
    await world.kill_server()
    told = await world.look()
    assert f"alice's queue: {session} Connecting" in told
    assert "> the server is killed\n" in told
    assert "the clock:" not in told
