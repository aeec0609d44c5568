"""The plain console as a process: a person reads it, so what is asked is that the words are there."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import re
import sys
import termios
from collections.abc import AsyncIterator

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


@contextlib.asynccontextmanager
async def _on_terminal(peer: Peer) -> AsyncIterator[tuple[int, asyncio.subprocess.Process]]:
    """A plain console on a terminal without colours, and the terminal's other end."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rescue_console", "alice", "--data", str(peer.data), "--lang", "en", "--plain"),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "NO_COLOR": "1", "TERM": "xterm", "COLUMNS": "120"},
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(theirs, termios.TIOCSCTTY, 0),  # so that Ctrl-C reaches it
    )
    try:
        yield ours, process
        # The terminal is as it was: it edits lines and echoes them.
        assert termios.tcgetattr(theirs)[3] & (termios.ICANON | termios.ECHO) == termios.ICANON | termios.ECHO
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        os.close(theirs)
        os.close(ours)


async def test_on_a_terminal_it_prompts_draws_changes_and_minds_no_color(peer: Peer) -> None:
    async with _on_terminal(peer) as (ours, process):
        # One text for all: the reply and the change of the queue may come in either order, or at once.
        shown = bytearray()
        await _shows(ours, "alice> ", shown)
        os.write(ours, b"pin Jan\n")
        await _shows(ours, "alice> pin Jan\r\n", shown)
        await _shows(ours, "PIN 123456", shown)
        await _shows(ours, "s1  Connecting  Jan", shown)
        shown.clear()
        peer.tell(chat=console_pb2.SessionChat(session="s1", line=common_pb2.ChatLine(text="hoi")))
        # What is told has a line of its own, and the prompt is there again.
        await _shows(ours, "s1 <Jan> hoi\r\nalice> ", shown)
        os.write(ours, b"quit\n")
        assert await asyncio.wait_for(process.wait(), 30) == 0
    assert not re.search(rb"\x1b\[(?:\d+;)*(?:[34][0-8]|9[0-7]|10[0-7])[;m]", shown), "no colour"


async def test_what_was_typed_stays_at_the_prompt_when_something_is_printed(peer: Peer) -> None:
    peer.change("s1", "ACTIVE", customer="Jan")
    async with _on_terminal(peer) as (ours, process):
        shown = bytearray()
        await _shows(ours, "alice> ", shown)
        os.write(ours, b"chat s1 hallp\x7f")
        await _shows(ours, "alice> chat s1 hall", shown)
        peer.tell(chat=console_pb2.SessionChat(session="s1", line=common_pb2.ChatLine(text="hoi")))
        await _shows(ours, "s1 <Jan> hoi\r\nalice> chat s1 hall", shown)
        os.write(ours, b"o\n")
        await _shows(ours, "done", shown)
        assert [request.text for request in peer.named("SendChat")] == ["hallo"]
        os.write(ours, b"\x04")  # Ctrl-D on an empty line
        assert await asyncio.wait_for(process.wait(), 30) == 0


async def test_only_the_rows_that_changed_are_printed(peer: Peer) -> None:
    peer.change("s1", "WAITING", customer="Jan")
    peer.change("s2", "WAITING", customer="Els")
    async with _on_terminal(peer) as (ours, process):
        shown = bytearray()
        await _shows(ours, "alice> ", shown)
        await _shows(ours, "Queue: alice", shown)
        peer.change("s2", "ACTIVE", "WAITING", 3)
        await _shows(ours, "s2  Active  Els", shown)
        peer.detail("s1", comment="urgent")
        await _shows(ours, "comment: urgent", shown)
        peer.detail("s1", comment="urgent")  # nothing that is shown is different
        peer.tell(chat=console_pb2.SessionChat(session="s1", line=common_pb2.ChatLine(text="the end")))
        await _shows(ours, "the end\r\nalice> ", shown)
        os.write(ours, b"\x03")
        assert await asyncio.wait_for(process.wait(), 30) == 130
    text = shown.decode()
    assert (text.count("Queue: alice"), text.count("Els"), text.count("comment: urgent")) == (1, 2, 1)


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
