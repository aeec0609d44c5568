"""The plain console as a process: a person reads it, so what is asked is that the words are there."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import sys

from rescue_protos.v1 import common_pb2, console_pb2
from tests.contract.console.console_process import StartConsole
from tests.fakes.console_peer import Peer

_STYLE = re.compile(r"\x1b\[[0-9;]*m")


async def _shows(descriptor: int, wanted: str, shown: bytearray) -> None:
    """Read a terminal into `shown` until a text is on it, in whatever style; what was read before counts."""
    loop, news = asyncio.get_running_loop(), asyncio.Event()

    def more() -> None:
        shown.extend(os.read(descriptor, 65536))
        news.set()

    loop.add_reader(descriptor, more)
    try:
        async with asyncio.timeout(30):
            while wanted not in _STYLE.sub("", shown.decode(errors="replace")):
                news.clear()
                await news.wait()
    finally:
        loop.remove_reader(descriptor)


async def test_it_speaks_dutch_and_lets_nobody_drive_the_terminal(peer: Peer, console: StartConsole) -> None:
    peer.change("s1", "ON_HOLD", customer="Jan\x1b[2J[red]", allowed=["start", "transfer"])
    synced = asyncio.Event()

    async def note(method: str, _context: object) -> None:
        if method == "SyncQueue":
            synced.set()

    peer.before_answer = note
    line = common_pb2.ChatLine(text="hoi\x1b]0;x\x07")
    alice = await console(json_lines=False, COLUMNS="160", RESCUE_LANG="nl")
    await alice.type("hold s1", "chat s1", "help", "sync")
    async with asyncio.timeout(10):
        await synced.wait()
    peer.tell(chat=console_pb2.SessionChat(session="s1", line=line))
    await alice.type("sync", "quit")
    out, err = await asyncio.wait_for(alice.process.communicate(), 15)
    text = out.decode()
    assert (alice.process.returncode, err) == (0, b"")
    assert "Onderbroken" in text
    assert "Sessie starten [start], Sessie overdragen [transfer]" in text
    assert "Jan\\x1b[2J[red]" in text
    assert "<Jan\\x1b[2J[red]> hoi\\x1b]0;x\\x07" in text
    assert "mogelijk: Sessie starten [start], Sessie beëindigen [end]" in text
    assert "gebruik: chat SESSION TEXT" in text
    assert "Status hoofdtechnicus" in text
    assert "\x1b" not in text


async def test_on_a_terminal_it_prompts_draws_changes_and_minds_no_color(peer: Peer) -> None:
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rescue_console", "alice", "--data", str(peer.data), "--lang", "en", "--plain"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "NO_COLOR": "1", "TERM": "xterm", "COLUMNS": "120"},
    )
    os.close(theirs)
    try:
        # One text for all: the reply and the change of the queue may come in either order, or at once.
        shown = bytearray()
        await _shows(ours, "alice> ", shown)
        os.write(ours, b"pin Jan\n")
        await _shows(ours, "PIN 123456", shown)
        await _shows(ours, "Connecting", shown)
        await _shows(ours, "┘\r\nalice> ", shown)  # the table is drawn, and the prompt below it
        peer.tell(chat=console_pb2.SessionChat(session="s1", line=common_pb2.ChatLine(text="hoi")))
        # What is told begins a line of its own, and the prompt is there again.
        await _shows(ours, "alice> \r\ns1 <Jan> hoi\r\nalice> ", shown)
        os.write(ours, b"quit\n")
        assert await asyncio.wait_for(process.wait(), 30) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(ours)
    assert not re.search(rb"\x1b\[(?:\d+;)*(?:[34][0-8]|9[0-7]|10[0-7])[;m]", shown), "no colour"


async def test_it_says_that_it_missed_something_while_it_was_away(peer: Peer, console: StartConsole) -> None:
    alice = await console(json_lines=False)
    await alice.type("queue")
    assert alice.process.stdout is not None
    async with asyncio.timeout(15):
        while b"empty" not in await alice.process.stdout.readline():
            pass
        await peer.crash()
        peer.change("s1", "WAITING")
        peer.compact()
        await peer.boot()
        while b"changes and chat lines are missing here" not in await alice.process.stdout.readline():
            pass
    await alice.type("quit")
    assert await asyncio.wait_for(alice.process.wait(), 15) == 0
