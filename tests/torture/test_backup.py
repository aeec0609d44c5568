"""Backups of a store that is being written, and of one where nothing can be written any more."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from rescue_common.processes.child import Program
from rescue_emulator import World
from rescue_server.store import STORE_FILE, SqliteStore


async def rescue_server(*arguments: str) -> tuple[int, str]:
    """Run it to its end; return the exit status and what it said on stderr."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "rescue_server", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, said = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, said.decode()


def journal_of(file: Path) -> list[tuple[int, bytes]]:
    with closing(SqliteStore.open(file)) as store:
        return [(event.revision, event.body) for event in store.read()]


@pytest.mark.long
async def test_backups_under_load_are_whole_and_hold_what_was_acknowledged_before(tmp_path: Path) -> None:
    data = tmp_path / "data"
    acknowledged, going_on = 0, True

    async with World(data=data) as world:
        technicians = [await world.technician(name) for name in ("alice", "bob")]

        async def work(number: int) -> None:
            nonlocal acknowledged
            while going_on:
                made = await technicians[number].command("pin")
                acknowledged = max(acknowledged, made["revision"])
                await technicians[number].command("end", made["session"])

        working = [asyncio.create_task(work(number)) for number in range(2)]
        backups = [tmp_path / f"backup-{number}" for number in range(3)]
        least = []
        for backup in backups:
            least.append(acknowledged)
            assert await rescue_server("--data", str(data), "backup", str(backup)) == (0, "")
        going_on = False
        await asyncio.gather(*working)
        status, said = await rescue_server("--data", str(data), "--restore", str(backups[0]))
        assert status == 1
        assert f"in use by process {world.server.pid}" in said
        await world.stop_server()
        whole = journal_of(data / STORE_FILE)
        for backup, revision in zip(backups, least, strict=True):
            found = journal_of(backup)
            assert found == whole[: len(found)]
            assert len(found) >= revision
        restored = len(journal_of(backups[1]))
        await world.restart_server("--restore", str(backups[1]))
        await technicians[0].sync()
        made = await technicians[0].command("pin")
        assert made["revision"] > restored
        assert (data / f"{STORE_FILE}.replaced-1").exists()


async def test_where_nothing_can_be_written_a_server_says_so_and_a_backup_can_still_be_made(
    small_disk: Path, tmp_path: Path
) -> None:
    data = small_disk / "data"
    program = await Program.start("server", "rescue_server", "--data", str(data), "--json")
    await program.event("ready", timeout=30)
    assert await program.stop() == 0
    await asyncio.to_thread(subprocess.run, ["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for directory in (data, small_disk / "new"):
        status, said = await rescue_server("--data", str(directory))
        assert status == 1
        assert str(directory) in said
        assert "Read-only file system" in said
        assert "Errno" not in said
        assert "Traceback" not in said
    assert await rescue_server("--data", str(data), "backup", str(tmp_path / "backup")) == (0, "")
    assert journal_of(tmp_path / "backup"), "the organization is in it"
    status, said = await rescue_server("--data", str(data), "backup", str(small_disk / "backup"))
    assert status == 1
    assert str(small_disk / "backup") in said
