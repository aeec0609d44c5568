"""`rescue health` and `rescue doctor`, run as a health check and a newcomer run them."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from rescue_emulator.testing import World


async def rescue(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("RESCUE_")}
    command = [sys.executable, "-m", "rescue_emulator", *arguments]
    return await asyncio.to_thread(
        subprocess.run, command, env=inherited | environment, capture_output=True, text=True, timeout=60
    )


def by_name(output: str) -> dict[str, dict[str, str]]:
    return {found["name"]: found for found in map(json.loads, output.splitlines())}


async def test_health_follows_the_server() -> None:
    async with World() as world:
        there = ("--data", str(world.data))
        serving = await rescue("health", *there)
        assert (serving.returncode, serving.stdout) == (0, f"{world.address} is SERVING\n")
        as_json = await rescue("health", "--server", world.address, "--json")
        assert json.loads(as_json.stdout) == {"server": world.address, "status": "SERVING"}
        assert by_name((await rescue("doctor", *there, "--json")).stdout)["server"]["state"] == "ok"
        await world.kill_server()
        gone = await rescue("health", *there)
        assert (gone.returncode, gone.stdout) == (1, "")
        assert f"the server at {world.address} does not answer" in gone.stderr
        after = await rescue("doctor", *there, "--json")
        assert by_name(after.stdout)["server"]["state"] == "absent"
        assert after.returncode == 0


async def test_health_ends_in_time_although_the_server_does_not() -> None:
    async with World() as world:
        os.kill(world.server.pid, signal.SIGSTOP)
        try:
            stopped = await rescue("health", "--data", str(world.data), "--timeout", "300ms")
        finally:
            os.kill(world.server.pid, signal.SIGCONT)
        assert stopped.returncode == 1
        assert "does not answer" in stopped.stderr


async def test_health_without_a_server_says_what_to_do(tmp_path: Path) -> None:
    done = await rescue("health", "--data", str(tmp_path))
    assert done.returncode == 1
    assert "start `rescue server`" in done.stderr


async def test_doctor_finds_what_a_server_could_not_use(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    wrong = await rescue("doctor", "--json", "--data", str(tmp_path / "file" / "state"))
    assert wrong.returncode == 1
    assert "--data DIR" in by_name(wrong.stdout)["state directory"]["fix"]
    (tmp_path / "open").mkdir(mode=0o755)
    (tmp_path / "open").chmod(0o755)
    shared = await rescue("doctor", "--data", str(tmp_path / "open"))
    assert shared.returncode == 1
    assert f"chmod 700 {tmp_path / 'open'}" in shared.stdout


async def test_doctor_lists_each_extra_and_how_to_install_it(tmp_path: Path) -> None:
    # A finder that hides one library stands for an environment without it.
    (tmp_path / "sitecustomize.py").write_text(
        "from importlib import metadata\n"
        "real = metadata.version\n"
        "def version(name):\n"
        "    if name == 'textual': raise metadata.PackageNotFoundError(name)\n"
        "    return real(name)\n"
        "metadata.version = version\n"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = await rescue("doctor", "--json", "--data", str(tmp_path / "state"), PYTHONPATH=path)
    found = by_name(done.stdout)
    assert {"extra metrics", "extra tls", "extra traces", "extra tui", "extra web"} <= set(found)
    assert found["extra tui"]["state"] == "absent"
    assert found["extra tui"]["fix"] == "pip install 'rescue-emulator[tui]'"
    assert found["extra web"]["state"] == "ok"
    assert done.returncode == 0
