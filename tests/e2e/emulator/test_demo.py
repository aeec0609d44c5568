"""`rescue demo` with real processes: the whole story in a pipe and on a terminal, and its end by Ctrl-C."""

from __future__ import annotations

import asyncio
import os
import pty
import re
import signal
import sys
import time
from pathlib import Path
from uuid import uuid4

import pytest

RESCUE = [sys.executable, "-m", "rescue_emulator", "demo"]


def environment(**more: str) -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("RESCUE_") and key != "NO_COLOR"}
    return kept | more


def processes_with(mark: str) -> list[int]:
    """Every process that inherited this environment entry."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue  # it ended, or is not ours
    return found


def changes(text: str, technician: str) -> list[str]:
    """What the plain lines say that a queue showed, one after the other."""
    return re.findall(rf"^ +\d:\d\d:\d\d  {technician} +(?:.*? -> )?(.+?)  \(", text, flags=re.MULTILINE)


@pytest.mark.long
async def test_in_a_pipe_it_tells_the_whole_story_in_plain_lines_within_a_minute() -> None:
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *RESCUE, env=environment(), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 90)
    text = out.decode()
    assert process.returncode == 0, err.decode()
    assert time.monotonic() - began < 60
    assert "\x1b" not in text
    assert changes(text, "alice") == [
        "Connecting",
        "Waiting",
        "Active",
        "Reconnecting",
        "Active",
        "Rebooting",
        "Active",
        "Collaborating",
        "Closed",
        "Removed from TC queue",
    ]
    assert changes(text, "bob") == [
        "Invitation",
        "Collaborating",
        "Rebooting",
        "Collaborating",
        "Active",
        "Removed from TC queue",
    ]
    assert "rescue console alice" in text


@pytest.mark.long
async def test_in_dutch_the_queues_show_the_dutch_names() -> None:
    process = await asyncio.create_subprocess_exec(
        *RESCUE, *("--lang", "nl", "--speed", "60"), env=environment(), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode == 0
    assert "Opnieuw verbinding maken" in changes(out.decode(), "alice")


@pytest.mark.long
async def test_on_a_terminal_the_queues_stand_below_the_story_in_colour_unless_told_otherwise() -> None:
    coloured, plain = await asyncio.gather(on_a_terminal(), on_a_terminal(NO_COLOR="1"))
    for shown in (coloured, plain):
        assert "alice's queue" in shown
        assert "Reconnecting" in shown
    green = re.compile(r"\x1b\[[\d;]*\b32m")
    assert green.search(coloured)
    assert not green.search(plain)


async def test_ctrl_c_ends_everything_with_status_130() -> None:
    mark = f"DEMO_MARK={uuid4()}"
    process = await asyncio.create_subprocess_exec(
        *RESCUE,
        env=environment(DEMO_MARK=mark.partition("=")[2]),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    async with asyncio.timeout(60):
        while b"network cable" not in await process.stdout.readline():
            assert not process.stdout.at_eof()
    assert len(processes_with(mark)) >= 6  # this one, a server, two consoles, a computer, its applet
    process.send_signal(signal.SIGINT)
    _, err = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode == 130
    assert b"Traceback" not in err
    assert processes_with(mark) == []


async def on_a_terminal(**more: str) -> str:
    """Everything that a terminal gets from a demo that goes well."""
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *RESCUE,
        *("--speed", "60"),
        env=environment(TERM="xterm-256color", COLUMNS="100", LINES="40", **more),
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    shown = await asyncio.wait_for(asyncio.to_thread(read_all, ours), 90)
    assert await process.wait() == 0
    return shown


def read_all(terminal: int) -> str:
    """Everything that is written to a pseudo-terminal until nobody holds its other end."""
    shown = b""
    try:
        while chunk := os.read(terminal, 65536):
            shown += chunk
    except OSError:
        pass  # Linux says so when the other end is gone
    finally:
        os.close(terminal)
    return shown.decode()
