"""A cable in the kernel: a network namespace, a veth pair and nftables. Where root is had; CI has it."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from rescue_applet.network import namespace as netns
from rescue_applet.network.cable import CannotLay
from rescue_applet.servers import Servers
from rescue_common.processes.child import Program
from rescue_emulator.world.computer import Computer
from rescue_emulator.world.world import World
from rescue_server.startup.certificates import make_certificates
from tests.machine_needs import not_to_be_had

OPTIONS = ("--lan", "netns")


@pytest.fixture
def namespaces() -> None:
    """Linux, root, and the programs: all that a namespace needs. The probe's name is this process's own."""
    probe = f"rescue-probe-{os.getpid()}"
    try:
        for act in ("add", "delete"):
            _output("ip", "netns", act, probe)
    except (OSError, subprocess.CalledProcessError) as why:
        not_to_be_had(f"network namespaces cannot be made here: {why}")
    if missing := [program for program in netns.NEEDED if shutil.which(program) is None]:
        not_to_be_had(f"network namespaces need {', '.join(missing)}")


def namespace_of(computer: Computer) -> str:
    return _output("ip", "netns", "identify", str(computer.applet_pid)).strip()


def carrier(namespace: str) -> bool:
    """Whether the computer's interface is up for the kernel."""
    (link,) = json.loads(_output("ip", "-json", "-n", namespace, "link", "show", "lan0"))
    return "NO-CARRIER" not in link["flags"]


def dropped(namespace: str) -> str:
    return _output("ip", "netns", "exec", namespace, "nft", "list", "table", "inet", "rescue")


def is_left_behind(namespace: str) -> bool:
    """Whether it is there and belongs to no computer that lives."""
    if not (netns.NAMESPACES / namespace).exists():
        return False
    with open(netns.LOCKS / f"lan-{namespace.removeprefix(netns.PREFIX)}", "r+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return (netns.NAMESPACES / namespace).exists()


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.long
@pytest.mark.usefixtures("namespaces")
async def test_a_real_interface_goes_down_and_packets_vanish_in_the_kernel() -> None:
    async with World() as world:
        alice = await world.technician("alice")
        session, pin = await alice.pin("Customer")
        computer = await world.computer(pin=pin, options=OPTIONS)
        namespace = namespace_of(computer)
        assert namespace.startswith(netns.PREFIX)
        await alice.start(session)

        async with computer.lan_off():
            assert not carrier(namespace)
            await world.advance(seconds=60)
            await alice.sees(session, "Reconnecting")
        assert carrier(namespace)
        await alice.sees(session, "Active")

        async with computer.lan("loss down"):
            assert 'iifname "lan0" drop' in dropped(namespace)
            assert carrier(namespace)
            await world.advance(seconds=60)
            await alice.sees(session, "Reconnecting")
        assert "drop" not in dropped(namespace)
        await alice.sees(session, "Active")

        await computer.lan("reset")
        await computer.event(lambda e: e["event"] == "link" and e["state"] == "lost", timeout=30)
        async with computer.lan("flap 3s/2s"):
            assert not carrier(namespace)
            await world.advance(seconds=3)
            assert carrier(namespace)

        # While it is off the computer reboots: the goodbye it had on its lips dies with it.
        await computer.lan_off()
        await computer.reboot_hold()
        before = len(computer.program.events)
        await computer.boot()
        await computer.lan_on()
        await computer.program.until(
            lambda: next((e for e in computer.program.events[before:] if e["event"] == "link"), None),
            timeout=30,
            what="link after the reboot",
        )
        await world.advance(seconds=30)
        assert "Rebooting" not in [update.status for update in alice.history(session)]
        assert alice.status(session) == "Active"
        await computer.quit()
        assert not is_left_behind(namespace)


@pytest.mark.usefixtures("namespaces")
async def test_what_a_killed_computer_leaves_behind_the_next_one_clears_away() -> None:
    async with World() as world:
        alice = await world.technician("alice")
        _, pin = await alice.pin("Customer")
        killed = await world.computer(pin=pin, options=OPTIONS)
        namespace = namespace_of(killed)
        await killed.program.kill()
        assert (netns.NAMESPACES / namespace).exists()

        _, pin = await alice.pin("Another customer")
        following = await world.computer(pin=pin, options=OPTIONS)
        assert not is_left_behind(namespace)
        own = namespace_of(following)
    assert not is_left_behind(own), "a computer that ends in order leaves nothing behind"


@pytest.mark.long
@pytest.mark.usefixtures("namespaces")
async def test_tls_goes_through_an_interface_as_well(tmp_path: Path) -> None:
    make_certificates(tmp_path)
    files = ("--tls-cert", str(tmp_path / "server.pem"), "--tls-key", str(tmp_path / "server.key"))
    state = tmp_path / "state"
    server = await Program.start("server", "rescue_server", "--data", str(state), "--paused", "--json", *files)
    try:
        await server.event("ready", timeout=30)
        async with World.external(data=state) as world:
            alice = await world.technician("alice")
            session, pin = await alice.pin("Customer")
            computer = await world.computer(pin=pin, options=OPTIONS)
            await alice.start(session)
            async with computer.lan_off():
                await world.advance(minutes=1)
                await alice.sees(session, "Reconnecting")
            await alice.sees(session, "Active")
    finally:
        await server.stop()


@pytest.mark.usefixtures("namespaces")
@pytest.mark.parametrize("fault", ["off", "off for 40s"])
async def test_a_computer_whose_interface_was_taken_away_says_so_and_ends(fault: str) -> None:
    async with World() as world:
        alice = await world.technician("alice")
        _, pin = await alice.pin("Customer")
        computer = await world.computer(pin=pin, options=OPTIONS)
        namespace = namespace_of(computer)
        _output("ip", "link", "delete", f"rescuelan{namespace.removeprefix(netns.PREFIX)}")
        await computer.program.send(f"lan {fault}")
        assert await computer.ended() == 1
        told = await computer.event("error")
        log = computer.program.log_tail()
    assert told["reason"] == "NO_SUCH_CABLE"
    assert "Cannot find device" in told["message"]
    assert "Traceback" not in log
    assert not is_left_behind(namespace)


def test_it_needs_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(CannotLay, match="needs root"):
        netns.Interface(Servers(lambda: ["127.0.0.1:1"]))


async def test_a_missing_program_is_named_and_the_exit_status_is_1(tmp_path: Path) -> None:
    script = (
        "import os, sys; os.geteuid = lambda: 0; sys.platform = 'linux'; "
        "from rescue_applet.__main__ import applet; applet(prog_name='rescue applet')"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", script, "--pin", "123456", *OPTIONS, "--server", "127.0.0.1:1", "--json"),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={"PATH": str(tmp_path)},
    )
    out, err = await process.communicate()
    assert process.returncode == 1
    assert json.loads(out)["reason"] == "NO_SUCH_CABLE"
    assert "needs the program `ip`" in err.decode()
