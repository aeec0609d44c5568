"""`rescue why`, `events`, `wait` and `coverage --data` against a real server with real consoles."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from rescue_client.connection import Connection
from rescue_client.journal import JournalClient
from rescue_common.state_directory import Access
from rescue_emulator.world.technician import Technician
from rescue_emulator.world.world import World
from rescue_protos.errors import NotFound
from rescue_server.replay.check import check
from rescue_server.replay.journal_file import read_journal, read_store
from rescue_server.store.files import STORE_FILE


@dataclass(frozen=True)
class Story:
    """A world in which alice led a session, bob collaborated and left, and the LAN was away for a while."""

    world: World
    alice: Technician
    bob: Technician
    session: str

    async def rescue(self, *arguments: str) -> tuple[int, str, str]:
        """Run `rescue` as a user of the same account does; return its status and output."""
        process = await start(self.world, *arguments)
        out, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()


async def start(world: World, *arguments: str) -> asyncio.subprocess.Process:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RESCUE_")}
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "rescue_emulator", *arguments, "--data", str(world.data)),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=environment,
    )


@pytest.fixture
async def story() -> AsyncIterator[Story]:
    async with World(paused=True) as world:
        alice, bob = await asyncio.gather(world.technician("alice"), world.technician("bob"))
        session, pin = await alice.pin("Jan")
        computer = await world.computer(pin=pin)
        await alice.command("start", session)
        await alice.command("chat", session, "before", "bob")
        await alice.command("invite", session, "bob")
        await bob.command("start", session)
        async with computer.lan_off():
            await world.advance(minutes=1)
        await alice.sees(session, "Active", timeout=30)
        await bob.command("end", session)
        await alice.command("chat", session, "bob", "is", "gone")
        yield Story(world=world, alice=alice, bob=bob, session=session)


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("more", [(), ("--follow",)], ids=str)
async def test_events_of_a_session_that_does_not_exist_are_refused(story: Story, more: tuple[str, ...]) -> None:
    status, out, err = await story.rescue("events", "--session", "9999", *more)
    assert (status, out) == (1, "")
    assert err.startswith("Error: there is no session '9999'")


async def test_why_and_events_tell_what_happened_and_coverage_counts_it(story: Story, tmp_path: Path) -> None:
    status, out, _ = await story.rescue("why", story.session, "--technician", "alice", "--json")
    chain = objects(out)
    assert status == 0
    assert [(one["status"], one["row"], one["heading"]) for one in chain] == [
        ("Connecting", None, None),
        ("Waiting", 1, "Connecting → Waiting"),
        ("Active", 3, "Waiting → Active"),
        ("Reconnecting", 12, "Active → Reconnecting"),
        ("Active", 22, "Reconnecting → Active"),
    ]
    # The chain is what the console showed, revision for revision.
    assert [(one["revision"], one["cause"]) for one in chain] == [
        (update.revision, update.cause) for update in story.alice.history(story.session)
    ]
    lost = chain[3]
    assert (lost["setting"], lost["setting_value"], lost["cause_event"]) == ("reconnect-period", "1m", "LinkLost")
    assert chain[2]["by"] == "alice"

    status, out, _ = await story.rescue("why", story.session, "--lang", "nl")
    assert status == 0
    assert "alice: Actief" in out.splitlines()[0]
    assert "Actief → Opnieuw verbinding maken (row 12)" in out
    assert "reconnect-period: 1m" in out

    status, out, _ = await story.rescue("events", "--json")
    recorded = tmp_path / "journal.jsonl"
    recorded.write_text(out, encoding="utf-8")
    assert [line["revision"] for line in objects(out)] == list(range(1, len(objects(out)) + 1))
    assert {"withheld"} == {line["body"]["secret_hash"] for line in objects(out) if line["name"] == "SecretChanged"}
    verdict = check(read_journal(recorded))
    assert (verdict.difference, verdict.judged) == ("", len(objects(out)))
    of_store = list(read_store(story.world.data / STORE_FILE))  # while the server runs
    assert [line.changes for line in of_store] == [line.changes for line in read_journal(recorded)]

    status, out, _ = await story.rescue("coverage", "--json")
    assert {line["row"] for line in objects(out) if line["covered"]} == {1, 3, 12, 22, 44, 50}

    status, out, _ = await story.rescue("events", "--since", str(lost["revision"] - 1), "--session", story.session)
    assert out.splitlines()[0].split()[0] == str(lost["revision"])
    assert "alice: Active → Reconnecting (12)" in out


async def test_a_technician_reads_own_sessions_and_no_chat_from_before_they_joined(story: Story) -> None:
    async def read_as(user: str) -> list[dict[str, Any]]:
        secret = Access.read(story.world.data).secrets[user]
        async with Connection(story.world.address, user=user, secret=secret, timeout=timedelta(0)) as connection:
            found = []
            async for piece in JournalClient(connection).read():
                found += [line.as_json() for line in piece.lines]
            return found

    everything, mine, nothing = await asyncio.gather(*map(read_as, ("admin", "bob", "carol")))
    assert nothing == []
    assert {line["stream"] for line in mine} == {story.session}
    invited = next(line["revision"] for line in everything if line["name"] == "TechnicianInvited")
    assert [line["revision"] for line in mine] == [
        line["revision"] for line in everything if line["stream"] == story.session and line["revision"] >= invited
    ]
    assert [line["body"]["text"] for line in everything if line["name"] == "ChatSent"] == ["before bob", "bob is gone"]
    assert [line["body"]["text"] for line in mine if line["name"] == "ChatSent"] == [""]

    secret = Access.read(story.world.data).secrets["carol"]
    async with Connection(story.world.address, user="carol", secret=secret, timeout=timedelta(0)) as connection:
        with pytest.raises(NotFound):
            await JournalClient(connection).explain(story.session)
    status, _, err = await story.rescue("why", "4711")
    assert status == 1
    assert "4711" in err


async def test_wait_returns_at_once_later_or_not_at_all(story: Story) -> None:
    session = story.session
    status, out, _ = await story.rescue("wait", session, "--technician", "alice", "--status", "active", "--json")
    assert (status, objects(out)[0]["status"]) == (0, "Active")
    waiting = await start(story.world, "wait", session, "--technician", "bob", "--status", "Invitation")
    late = await start(story.world, "wait", session, "--technician", "alice", "--status", "Onderbroken")
    await story.alice.command("invite", session, "bob")
    assert await asyncio.wait_for(waiting.wait(), 60) == 0
    await story.alice.command("hold", session)
    assert await asyncio.wait_for(late.wait(), 60) == 0
    status, _, err = await story.rescue("wait", session, "--technician", "bob", "--status", "Closed", "--timeout", "0")
    assert status == 1
    assert "it shows Invitation" in err
    status, _, err = await story.rescue(
        "wait", session, "--technician", "carol", "--status", "Closed", "--timeout", "200ms"
    )
    assert (status, "it never had it" in err) == (1, True)
    status, _, _ = await story.rescue("wait", session, "--technician", "bob", "--status", "asleep")
    assert status == 2


async def test_to_wait_for_nobody_is_refused_at_once(story: Story) -> None:
    status, out, err = await story.rescue("wait", story.session, "--technician", "alcie", "--status", "Active")
    assert (status, out) == (1, "")
    assert err == "Error: there is no technician 'alcie'; there are alice, bob, carol, dave\n"


async def test_a_follower_outlasts_a_restart_and_misses_nothing(story: Story) -> None:
    follower = await start(story.world, "events", "--follow", "--json", "--session", story.session)
    assert follower.stdout is not None
    lines: list[dict[str, Any]] = []

    async def until(name: str) -> None:
        while not lines or lines[-1]["name"] != name:
            lines.append(json.loads(await asyncio.wait_for(follower.stdout.readline(), 60)))  # type: ignore[union-attr]

    try:
        await until("CollaboratorLeft")
        await story.world.kill_server()
        await story.world.restart_server("--paused")
        await story.alice.command("hold", story.session)
        await until("SessionHeld")
    finally:
        follower.kill()
        await follower.wait()
    _, out, _ = await story.rescue("events", "--json", "--session", story.session)
    listed = [line["revision"] for line in objects(out)]
    seen = [line["revision"] for line in lines]
    assert seen == listed[: len(seen)]
