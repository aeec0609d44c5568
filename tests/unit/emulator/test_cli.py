"""`rescue` itself: what it loads, where options come from, and its exit status."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from rescue_emulator.cli import main
from rescue_emulator.cli.configuration import configured, name_environment

if TYPE_CHECKING:
    from tests.fakes.administration import FakeAdministration
    from tests.unit.emulator.conftest import Rescue


async def test_help_fits_a_screen_and_names_every_program(rescue: Rescue) -> None:
    done = await rescue("--help")
    assert done.status == 0
    lines = done.out.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 80
    for name, (_, text) in main.SUBCOMMANDS.items():
        told = name if name in main.BRIEFLY else text
        assert any(name in line and told in line for line in lines), name


def test_a_subcommand_of_the_emulator_is_in_the_module_with_its_name() -> None:
    own = {name: home for name, (home, _) in main.SUBCOMMANDS.items() if home.startswith("rescue_emulator.")}
    assert {"admin", "clock", "docs", "events", "exec", "timeline", "wait", "why"} <= set(own)
    for name, home in own.items():
        module = {"class": "classroom"}.get(name, name)  # nobody can import a keyword
        assert home.startswith(f"rescue_emulator.cli.{module}:")


def test_help_loads_neither_grpc_nor_a_program() -> None:
    code = (
        "import sys\n"
        "from rescue_emulator.cli.main import main\n"
        "sys.argv = ['rescue', '--help']\n"
        "try: main()\n"
        "except SystemExit: print(*sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines()[-1].split())
    assert not loaded & {"grpc", "google.protobuf", "rich", "asyncio", "platformdirs", "rescue_server"}


def test_importing_the_package_loads_nothing_else() -> None:
    code = (
        "import sys, rescue_emulator; print(*(m for m in sys.modules if m.startswith(('rescue_', 'grpc', 'asyncio'))))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["rescue_emulator"]


def test_every_public_name_is_there() -> None:
    import rescue_emulator

    for name in rescue_emulator.__all__:
        assert getattr(rescue_emulator, name).__name__ == name
    with pytest.raises(AttributeError):
        _ = rescue_emulator.Nonsense


async def test_version(rescue: Rescue) -> None:
    assert (await rescue("--version")).out.startswith("rescue, version ")


@pytest.mark.parametrize(
    "arguments",
    [["nonsense"], ["--nonsense"], ["clock", "advance"], ["clock", "advance", "0s"], ["clock", "speed", "0"], []],
)
async def test_wrong_usage_is_status_2_and_says_so_on_stderr(rescue: Rescue, arguments: list[str]) -> None:
    done = await rescue(*arguments)
    assert (done.status, done.out) == (2, "")
    assert "Usage: rescue" in done.err


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
async def test_completion_prints_a_script(rescue: Rescue, shell: str) -> None:
    done = await rescue("completion", shell)
    assert done.status == 0
    assert "_RESCUE_COMPLETE" in done.out


async def test_completion_knows_subcommands_and_their_options(rescue: Rescue) -> None:
    asked = {"_RESCUE_COMPLETE": "bash_complete", "COMP_CWORD": "1", "COMP_WORDS": "rescue c"}
    words = (await rescue(**asked)).out.split()
    assert {"plain,clock", "plain,console", "plain,conformance"} <= set(words)
    asked = {"_RESCUE_COMPLETE": "bash_complete", "COMP_CWORD": "2", "COMP_WORDS": "rescue clock a"}
    assert (await rescue(**asked)).out.split() == ["plain,advance"]


async def test_interrupted_is_status_130() -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:  # accepts and never answers: the call hangs
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "rescue_emulator",
            "clock",
            "--server",
            f"127.0.0.1:{mute.getsockname()[1]}",
            env={**os.environ, "RESCUE_SECRET": "any"},
            stderr=asyncio.subprocess.DEVNULL,
        )
        mute.settimeout(20)
        connection, _ = await asyncio.to_thread(mute.accept)  # now it is at its work
        with connection:
            process.send_signal(signal.SIGINT)
            assert await asyncio.wait_for(process.wait(), 20) == 130


async def test_options_win_over_environment_over_file_over_default(
    rescue: Rescue, state: Path, fake: FakeAdministration, tmp_path: Path
) -> None:
    file = tmp_path / "rescue.toml"
    file.write_text(f'data = "{state}"\n[clock]\njson = true\nuser = "nobody"\n', encoding="utf-8")
    from_file = await rescue("clock", RESCUE_CONFIG=str(file))
    assert "no secret for 'nobody'" in from_file.err
    from_environment = await rescue("clock", RESCUE_CONFIG=str(file), RESCUE_CLOCK_USER="somebody")
    assert "no secret for 'somebody'" in from_environment.err
    short = await rescue("clock", RESCUE_CONFIG=str(file), RESCUE_USER="anybody")
    assert "no secret for 'anybody'" in short.err
    typed = await rescue("--config", str(file), "clock", "--user", "admin", "show", RESCUE_USER="anybody")
    assert typed.status == 0
    assert json.loads(typed.out)["paused"] is True


async def test_the_users_own_file_is_found_where_the_platform_keeps_it(
    rescue: Rescue, state: Path, fake: FakeAdministration, tmp_path: Path
) -> None:
    folder = tmp_path / "config" / "rescue-emulator"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(f'data = "{state}"\n', encoding="utf-8")
    assert (await rescue("clock", XDG_CONFIG_HOME=str(tmp_path / "config"))).status == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("clock = 5", "clock must be a table"),
        ("[clock]\nsped = 5", "has no option 'sped' (possible: "),
        ("[clock", "rescue.toml: "),
    ],
)
async def test_a_bad_file_is_refused_with_its_name(rescue: Rescue, tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "rescue.toml"
    file.write_text(text, encoding="utf-8")
    done = await rescue("clock", RESCUE_CONFIG=str(file))
    assert done.status == 2
    assert message in done.err


async def test_a_named_file_must_exist(rescue: Rescue) -> None:
    assert (await rescue("clock", RESCUE_CONFIG="/nonexistent.toml")).status == 2


def test_tables_follow_the_subcommands(tmp_path: Path) -> None:
    file = tmp_path / "rescue.toml"
    file.write_text('[admin]\nuser = "root"\n[admin.add.technician]\ngroup = "Support"\n', encoding="utf-8")
    found = configured("admin", main.load("admin"), given=str(file))
    assert found["user"] == "root"
    assert found["add"] == {"technician": {"group": "Support"}}


def test_an_option_with_a_variable_of_its_own_keeps_it() -> None:
    @click.command()
    @click.option("--data", envvar="RESCUE_DATA")
    @click.option("--boot-time")
    def applet(data: str, boot_time: str) -> None: ...

    name_environment(applet, prefix="RESCUE_APPLET_")
    data, boot_time = (p.envvar for p in applet.params)
    assert data == "RESCUE_DATA"
    assert boot_time == ["RESCUE_APPLET_BOOT_TIME", "RESCUE_BOOT_TIME"]


async def test_no_color_is_honoured_where_colours_would_be_shown(state: Path, fake: FakeAdministration) -> None:
    plain = await _on_a_terminal("admin", "show", "--data", str(state), NO_COLOR="1")
    assert b"group:Support" in plain
    assert b"\x1b[" not in plain
    assert b"\x1b[" in await _on_a_terminal("admin", "show", "--data", str(state))


async def _on_a_terminal(*arguments: str, **environment: str) -> bytes:
    ours, theirs = os.openpty()
    inherited = {key: value for key, value in os.environ.items() if key != "NO_COLOR"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "rescue_emulator", *arguments, stdout=theirs, env={**inherited, **environment}
    )
    os.close(theirs)
    assert await asyncio.wait_for(process.wait(), 20) == 0
    shown = os.read(ours, 65536)  # little enough for the terminal's buffer
    os.close(ours)
    return shown
