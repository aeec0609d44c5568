"""Chat lines that were sent while the customer was away arrive when they are back, once."""

from __future__ import annotations

from rescue_emulator import World


async def test_chat_lines_survive_a_lan_loss_and_a_reboot_and_come_once() -> None:
    async with World(paused=True) as world:
        alice = await world.technician("alice")
        session, pin = await alice.pin("Ms Vos")
        computer = await world.computer(pin=pin, terms="accept", boot_time="30s")
        await alice.command("start", session)
        await alice.command("chat", session, "before")
        await computer.event(lambda event: event.get("text") == "before")
        await computer.lan_off()
        await computer.event(lambda event: event.get("state") == "lost", timeout=15)
        await alice.command("chat", session, "while away")
        await computer.lan_on()
        await computer.event(lambda event: event.get("text") == "while away", timeout=15)
        await computer.reboot()
        await alice.sees(session, "Rebooting")
        await world.advance(seconds=30)
        await alice.sees(session, "Active", timeout=20)
        await alice.command("chat", session, "after")
        await computer.event(lambda event: event.get("text") == "after")
        said = [event["text"] for event in computer.program.events if event["event"] == "chat"]
        assert said == ["before", "while away", "after"]
