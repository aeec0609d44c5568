"""A cable that is a real one to the kernel: a network namespace for the computer, and a pair of veth interfaces.

The applet runs in the namespace and has no other way out than its interface `lan0`. The host's end of the pair leads
to a relay, which goes on to the server (that listens on the loopback interface only). Off, the host's interface goes
down and `lan0` loses its carrier; lost in one direction, packets vanish in nftables. What the kernel does to packets
the relay does to what is behind them: without that, the computer of a pulled cable could send what it had said
before its power was cut. Delay, resets and dead connections are the relay's alone, and go through the interface.

Needs Linux, root, `ip` and `nft`. Each namespace has a number, and a lock on its file: what a killed computer has
left behind is a number that nobody holds, and the next computer that starts clears it away.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from rescue_applet.network.cable import CannotLay
from rescue_applet.network.condition import SOUND, Condition
from rescue_applet.network.relay import Relay
from rescue_applet.servers import Servers
from rescue_common.file_lock import lock_file

LOCKS = Path("/run/rescue-emulator")
NAMESPACES = Path("/run/netns")
MAX_NAMESPACES = 1024
PREFIX = "rescue-lan-"
NEEDED = {"ip": "iproute2", "nft": "nftables"}
_RULES = """
table inet rescue {
  chain up { type filter hook output priority 0; policy accept; }
  chain down { type filter hook input priority 0; policy accept; }
}
"""


class Interface:
    """A computer's own network interface. Raises CannotLay if there cannot be one here."""

    def __init__(self, servers: Servers) -> None:
        require_namespaces()
        self._number, self._lock = _take_number()
        self._namespace = _namespace(self._number)
        self._host_end = _host_end(self._number)
        self._condition = SOUND
        try:
            _sweep(keep=self._number)
            near, host = _addresses(self._number)
            self._lay(near, host)
            self._relay = Relay(servers, host=host)
        except BaseException:
            self._remove()
            raise
        self.entry: tuple[str, ...] = ("ip", "netns", "exec", self._namespace)

    @property
    def address(self) -> str:
        return self._relay.address

    def apply(self, condition: Condition) -> None:
        before, self._condition = self._condition, condition
        off = not condition.up and not condition.down
        if off != (not before.up and not before.down):
            _run("ip", "link", "set", self._host_end, "down" if off else "up")
        if (condition.up, condition.down) != (before.up, before.down):
            self._filter(up=condition.up or off, down=condition.down or off)
        self._relay.apply(condition)

    def abandon(self) -> None:
        self._relay.abandon()

    def reset(self) -> None:
        self._relay.reset()

    def power_lost(self) -> None:
        self._relay.power_lost()

    async def close(self) -> None:
        await self._relay.close()
        self._remove()

    def _lay(self, near: str, host: str) -> None:
        _clear(self._number)
        _run("ip", "netns", "add", self._namespace)
        inside = ("-n", self._namespace)
        _run("ip", "link", "add", self._host_end, "type", "veth", "peer", "name", "lan0", "netns", self._namespace)
        _run("ip", "address", "add", f"{host}/30", "dev", self._host_end)
        _run("ip", "link", "set", self._host_end, "up")
        _run("ip", *inside, "address", "add", f"{near}/30", "dev", "lan0")
        for name in ("lo", "lan0"):
            _run("ip", *inside, "link", "set", name, "up")
        self._nft(_RULES)

    def _filter(self, *, up: bool, down: bool) -> None:
        lines = ["flush chain inet rescue up", "flush chain inet rescue down"]
        lines += [] if up else ['add rule inet rescue up oifname "lan0" drop']
        lines += [] if down else ['add rule inet rescue down iifname "lan0" drop']
        self._nft("\n".join(lines))

    def _nft(self, script: str) -> None:
        _run("ip", "netns", "exec", self._namespace, "nft", "-f", "-", script=script)

    def _remove(self) -> None:
        _clear(self._number)
        os.close(self._lock)


def require_namespaces() -> None:
    if not sys.platform.startswith("linux"):
        raise CannotLay("--lan netns needs Linux: take --lan relay")
    if os.geteuid() != 0:
        raise CannotLay("--lan netns needs root: take --lan relay, or run it as root")
    for program, package in NEEDED.items():
        if shutil.which(program) is None:
            raise CannotLay(f"--lan netns needs the program `{program}` (on Debian: apt install {package})")


def _take_number() -> tuple[int, int]:
    """Return the lowest number that nobody holds, and the descriptor that holds it as long as this process lives."""
    for number in range(MAX_NAMESPACES):
        with contextlib.suppress(BlockingIOError):
            return number, _locked(number)
    raise CannotLay(f"there are {MAX_NAMESPACES} computers with a network interface of their own already")


def _locked(number: int) -> int:
    LOCKS.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor = os.open(LOCKS / f"lan-{number}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        lock_file(descriptor)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _sweep(*, keep: int) -> None:
    """Clear away what computers that are gone have left behind."""
    for number in _numbers():
        if number == keep:
            continue
        with contextlib.suppress(BlockingIOError):
            lock = _locked(number)
            _clear(number)
            os.close(lock)


def _numbers() -> Iterator[int]:
    for path in sorted(NAMESPACES.glob(f"{PREFIX}*")):
        number = path.name.removeprefix(PREFIX)
        if number.isdigit() and int(number) < MAX_NAMESPACES:
            yield int(number)


def _clear(number: int) -> None:
    """Remove the interfaces and the namespace of a number, if they are there."""
    # The host's end first: a namespace in which a process still lives keeps its interfaces.
    for command in (("link", "delete", _host_end(number)), ("netns", "delete", _namespace(number))):
        subprocess.run(("ip", *command), capture_output=True, check=False)


def _namespace(number: int) -> str:
    return f"{PREFIX}{number}"


def _host_end(number: int) -> str:
    return f"rescuelan{number}"


def _addresses(number: int) -> tuple[str, str]:
    """The computer's and the host's address: four each of 198.18.0.0/15, which is set apart for network tests."""
    third, fourth = divmod(number * 4, 256)
    return f"198.18.{third}.{fourth + 2}", f"198.18.{third}.{fourth + 1}"


def _run(*command: str, script: str = "") -> None:
    done = subprocess.run(command, input=script, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise CannotLay(f"--lan netns: `{' '.join(command)}` failed: {done.stderr.strip()}")
