"""Two full-screen consoles and a full-screen computer in real terminals, through a LAN loss and a reboot.

The terminals are tmux's: it tells programs about focus and shows what a person would see. Where tmux is missing the
test is skipped loudly, and in continuous integration (CI is set) it fails.
"""

from __future__ import annotations

import asyncio
import re
import shlex
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from rescue_emulator.world.world import World
from tests.machine_needs import not_to_be_had

PATIENCE = 60.0


class Terminals:
    """Terminals of 80x24 by name, in a tmux server of their own."""

    def __init__(self, folder: Path) -> None:
        self._tmux = ["tmux", "-L", f"rescue-{uuid.uuid4().hex[:8]}", "-f", "/dev/null"]
        self._folder = folder

    def open(self, name: str, *command: str) -> None:
        status = self._folder / f"{name}.status"
        script = f"{shlex.join(command)}; echo $? > {shlex.quote(str(status))}; exec sleep 1000"
        # As many remarks on stderr as gRPC can make: none may stand in the picture.
        noisy = "GRPC_VERBOSITY=DEBUG", "GRPC_TRACE=http"
        run = "env", "-u", "NO_COLOR", "LANG=C.UTF-8", "TERM=tmux-256color", *noisy, "sh", "-c", script
        self._run("new-session", "-d", "-s", name, "-x", "80", "-y", "24", shlex.join(run))

    def press(self, name: str, *keys: str) -> None:
        self._run("send-keys", "-t", name, *keys)

    def focus(self, name: str, on: bool) -> None:
        """Tell the program in a terminal about the focus as terminals do."""
        self._run("send-keys", "-t", name, "-H", "1b", "5b", "49" if on else "4f")

    def text(self, name: str) -> str:
        return self._run("capture-pane", "-p", "-t", name)

    async def shows(self, name: str, *texts: str, without: str = "\0") -> str:
        """Wait until a terminal shows all these texts, and one no more; return all that it shows."""
        try:
            async with asyncio.timeout(PATIENCE):
                while without in (shown := self.text(name)) or not all(text in shown for text in texts):  # noqa: ASYNC110
                    await asyncio.sleep(0.1)
                return shown
        except TimeoutError:
            pytest.fail(f"{name} never showed {texts}:\n{self.text(name)}")

    async def status(self, name: str) -> int:
        """Wait until the program in a terminal has ended; return its exit status."""
        path = self._folder / f"{name}.status"
        async with asyncio.timeout(PATIENCE):
            while not path.exists() or not path.read_text().strip():  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        return int(path.read_text())

    def close(self) -> None:
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True)

    def _run(self, *arguments: str) -> str:
        done = subprocess.run([*self._tmux, *arguments], check=True, capture_output=True, text=True)
        return done.stdout


@pytest.fixture
def terminals(tmp_path: Path) -> Iterator[Terminals]:
    if shutil.which("tmux") is None:
        not_to_be_had("tmux is missing: the full screens were NOT tried in a real terminal (apt-get install tmux)")
    opened = Terminals(tmp_path)
    yield opened
    opened.close()


@pytest.mark.timeout(300)
async def test_two_consoles_and_a_computer_live_through_a_lan_loss_and_a_reboot(terminals: Terminals) -> None:
    async with World() as world:
        where = ("--server", world.address, "--data", str(world.data))
        await world.set("group:Support", idle_timeout="10m")
        terminals.open("alice", sys.executable, "-m", "rescue_console", "alice", "--lang", "en", *where)
        terminals.open("bob", sys.executable, "-m", "rescue_console", "bob", "--lang", "nl", *where)
        await terminals.shows("bob", "Technicusconsole · bob", "actief venster")
        await terminals.shows("alice", "Technician Console · alice", "the clock stands still")
        terminals.press("alice", "n")
        await terminals.shows("alice", "Name of the customer")
        terminals.press("alice", "Jan", "Enter")
        shown = await terminals.shows("alice", "Tell the customer this PIN", "valid for")
        found = re.search(r"\(Session (\d+)\): (\d{6})", shown)
        assert found is not None
        session, pin = found.groups()
        command = sys.executable, "-m", "rescue_applet", "--name", "Jan", "--lang", "en", "--boot-time", "30s"
        terminals.open("computer", *command, *where)
        await terminals.shows("computer", "Enter the PIN")
        terminals.press("computer", pin, "Enter")
        shown = await terminals.shows("computer", "Waiting for a technician.", session)
        assert "transport" not in shown
        await terminals.shows("alice", "The PIN has been used.")
        await terminals.shows("alice", "○ Waiting", "[s] Start", without="Create PIN")
        terminals.press("alice", "s")
        await terminals.shows("alice", "● Active", "[i] Invite")
        await terminals.shows("computer", "alice is helping you.")
        terminals.press("alice", "i")
        await terminals.shows("alice", "Invite technician", "● there")
        terminals.press("alice", "Enter")
        await terminals.shows("bob", "? Uitnodiging", "[s] Starten")
        terminals.press("bob", "s")
        await terminals.shows("bob", "+ Samenwerken")
        await terminals.shows("computer", "with bob")

        terminals.press("computer", "l")
        await terminals.shows("computer", "Cable   ○ off")
        await world.advance(minutes=1)
        await terminals.shows("alice", "≈ Reconnecting", "silent for")
        await terminals.shows("bob", "+ Samenwerken")
        await terminals.shows("computer", "Connection lost")
        terminals.press("computer", "l")
        await terminals.shows("alice", "● Active", "the applet is back")
        await terminals.shows("computer", "● connected")

        terminals.press("bob", "b")
        await terminals.shows("computer", "The computer is off.", "Power   ○ off")
        await terminals.shows("alice", "↻ Rebooting")
        await terminals.shows("bob", "↻ Opnieuw opstarten")
        await world.advance(seconds=30)
        await terminals.shows("computer", "alice is helping you", "with bob")
        await terminals.shows("alice", "● Active")
        await terminals.shows("bob", "+ Samenwerken")

        terminals.focus("alice", False)
        await terminals.shows("alice", "not in focus", "idle time-out: in ")
        terminals.focus("alice", True)
        await terminals.shows("alice", "◉ in focus")
        terminals.press("alice", "e")
        await terminals.shows("alice", "End the session for everybody?")
        terminals.press("alice", "Enter")
        await terminals.shows("bob", "■ Gesloten")
        await terminals.shows("computer", "The session is over")
        terminals.press("computer", "x")
        assert await terminals.status("computer") == 0
        assert "The session is over" in await terminals.shows("computer", "ended by technician")
        terminals.press("alice", "q")
        terminals.press("bob", "C-c")
        assert await terminals.status("alice") == 0
        assert await terminals.status("bob") == 130
