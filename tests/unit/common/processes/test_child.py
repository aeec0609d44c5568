"""Child processes: their lines, their end, and that none is left behind."""

import asyncio
import os
import re
import signal
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import pytest

from rescue_common.processes.child import Program, ProgramEnded, stop_all

TALKER = """
import json, os, signal, subprocess, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
print("starting", file=sys.stderr, flush=True)
settings = sorted(name for name in os.environ if name.startswith("RESCUE_"))
print(json.dumps({"event": "ready", "environment": settings}), flush=True)
for line in sys.stdin:
    match line.split():
        case ["say", *words]:
            for word in words:
                print(json.dumps({"event": word}), flush=True)
        case ["plain"]:
            print("not json", flush=True)
        case ["deaf"]:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            print(json.dumps({"event": "deaf"}), flush=True)
        case ["child"]:
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            print(json.dumps({"event": "child", "pid": child.pid}), flush=True)
        case ["exit", status]:
            sys.exit(int(status))
"""

Start = Callable[[], Awaitable[Program]]


@pytest.fixture
async def talker(tmp_path: Path) -> AsyncIterator[Start]:
    (tmp_path / "talker.py").write_text(TALKER, encoding="utf-8")
    started: list[Program] = []

    async def start() -> Program:
        program = await Program.start("talker", "talker", environment={"PYTHONPATH": str(tmp_path)})
        started.append(program)
        await program.event("ready")
        return program

    yield start
    await stop_all(started)


def gone(pid: int, within: float = 10) -> bool:
    """Whether a process that is no child of ours ends in time; a zombie that nobody reaps has ended."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


async def test_each_event_is_returned_once_and_in_order(talker: Start) -> None:
    program = await talker()
    await program.send("say one two one")
    assert (await program.event("two"))["event"] == "two"
    await program.event("one")
    await program.event(lambda event: event["event"] == "one")
    assert [event["event"] for event in program.events] == ["ready", "one", "two", "one"]
    with pytest.raises(TimeoutError, match=re.escape("talker: no event one within 0.1 s")):
        await program.event("one", timeout=0.1)


async def test_waiting_ends_at_once_when_the_program_does(talker: Start) -> None:
    program = await talker()
    waiting = asyncio.create_task(program.event("never", timeout=60))
    await program.send("exit 3")
    with pytest.raises(ProgramEnded, match=re.escape("talker ended with status 3\n  talker | starting")):
        await asyncio.wait_for(waiting, 10)
    assert await program.ended() == 3
    with pytest.raises(ProgramEnded):
        await program.send("say hello")


async def test_a_line_that_is_no_json_is_kept_with_the_log(talker: Start) -> None:
    program = await talker()
    await program.send("plain")
    await program.send("say after")
    await program.event("after")
    assert "talker | (stdout, no JSON) not json" in program.log_tail()


async def test_the_users_own_settings_do_not_reach_the_programs(talker: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESCUE_SECRET", "of somebody else")
    program = await talker()
    assert program.events[0]["environment"] == []


async def test_stop_asks_first(talker: Start) -> None:
    program = await talker()
    assert await program.stop() == 7


async def test_stop_does_not_wait_for_ever(talker: Start) -> None:
    program = await talker()
    await program.send("deaf")
    await program.event("deaf")
    assert await program.stop(timeout=0.2) == -signal.SIGKILL


async def test_killing_takes_along_what_the_program_has_started(talker: Start) -> None:
    program = await talker()
    await program.send("child")
    child = (await program.event("child"))["pid"]
    assert await program.kill() == -signal.SIGKILL
    assert gone(child)


async def test_a_line_break_cannot_smuggle_in_a_second_command(talker: Start) -> None:
    program = await talker()
    with pytest.raises(ValueError, match="more than one line"):
        await program.send("say one\nexit 1")


async def test_a_program_ends_when_its_parent_was_killed(tmp_path: Path) -> None:
    (tmp_path / "talker.py").write_text(TALKER, encoding="utf-8")
    parent = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "import asyncio\n"
        "from rescue_common.processes.child import Program\n"
        "async def main():\n"
        "    program = await Program.start('talker', 'talker')\n"
        "    print(program.pid, flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n",
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert parent.stdout is not None
    pid = int(await asyncio.wait_for(parent.stdout.readline(), 20))
    try:
        parent.kill()
        await parent.wait()
        assert gone(pid)
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
