"""A customer's computer as a real process. There is no server: what is tried here needs none."""

from collections.abc import AsyncIterator

import pytest

from rescue_emulator.testing import CommandRefused, Computer, Program


@pytest.fixture
async def computer() -> AsyncIterator[Computer]:
    arguments = ("--pin", "123456", "--terms", "ask", "--json", "--server", "127.0.0.1:1")
    program = await Program.start("computer", "rescue_applet", *arguments)
    found = Computer("computer", program)
    await found.event("applet", timeout=30)
    yield found
    await program.stop()


def cable(computer: Computer) -> list[str]:
    return [event["state"] for event in computer.program.events if event["event"] == "cable"]


async def test_the_cable_is_off_for_a_block_and_on_again_after_it(computer: Computer) -> None:
    async with computer.lan_off():
        assert cable(computer)[-1] == "off"
    assert cable(computer)[-1] == "on"


async def test_the_cable_is_on_again_also_after_a_failure(computer: Computer) -> None:
    with pytest.raises(ZeroDivisionError):
        async with computer.lan_off():
            _ = 1 / 0
    assert cable(computer)[-1] == "on"


async def test_the_cable_can_be_switched_by_calls(computer: Computer) -> None:
    await computer.lan_off()
    assert cable(computer)[-1] == "off"
    await computer.lan_on()
    assert cable(computer)[-1] == "on"


async def test_what_the_computer_cannot_do_now_is_refused(computer: Computer) -> None:
    with pytest.raises(CommandRefused, match="computer: boot: "):
        await computer.boot()


async def test_the_applet_is_a_process_of_its_own(computer: Computer) -> None:
    assert computer.applet_pid not in (None, computer.program.pid)


async def test_pulling_the_plug_ends_it(computer: Computer) -> None:
    assert await computer.quit() == 0
