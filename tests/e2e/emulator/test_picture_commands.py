"""The commands that draw, as people run them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from rescue_emulator.pictures.statechart import Format, statechart
from rescue_emulator.testing import World

SVG = "{http://www.w3.org/2000/svg}"


def rescue(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rescue_emulator", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("how", ["mermaid", "dot", "svg"])
def test_the_statechart_goes_where_it_is_told(how: str, tmp_path: Path) -> None:
    file = tmp_path / "statuses"
    found = rescue("docs", "statechart", "--format", how, "--lang", "nl", "--output", str(file))
    assert (found.returncode, found.stdout) == (0, "")
    assert file.read_text(encoding="utf-8") == statechart(Format(how), lang="nl")


def test_a_file_that_cannot_be_written_is_one_line() -> None:
    found = rescue("docs", "statechart", "--output", "/nowhere/statuses")
    assert (found.returncode, found.stdout) == (1, "")
    assert "/nowhere/statuses" in found.stderr
    assert "Traceback" not in found.stderr


def test_the_contract_is_written_so_that_a_compiler_finds_its_imports(tmp_path: Path) -> None:
    found = rescue("docs", "proto", "--out", str(tmp_path / "proto"))
    assert (found.returncode, found.stdout) == (0, "")
    files = sorted((tmp_path / "proto").rglob("*.proto"))
    assert {"access.proto", "console.proto", "applet.proto"} <= {file.name for file in files}
    compiled = tmp_path / "contract.binpb"
    command = [sys.executable, "-m", "grpc_tools.protoc", "-I", str(tmp_path / "proto"), "-o", str(compiled)]
    done = subprocess.run([*command, *map(str, files)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert b"rescue_protos/v1/console.proto" in compiled.read_bytes()


@pytest.mark.long
async def test_the_timeline_of_a_real_session(tmp_path: Path) -> None:
    file = tmp_path / "call.svg"
    async with World() as world:
        alice = await world.technician("alice")
        session, pin = await alice.pin("Ms Vos")
        computer = await world.computer(pin=pin)
        await alice.start(session)
        async with computer.lan_off():
            await world.advance(minutes=1)
            await alice.sees(session, "Reconnecting", timeout=30)
        await alice.sees(session, "Active", timeout=30)
        data = ["--data", str(world.data)]
        drawn = rescue("timeline", session, "--svg", str(file), *data)
        unknown = rescue("timeline", "4711", *data)
        own = rescue("timeline", session, "--user", "alice", *data)
    assert drawn.returncode == 0, drawn.stderr
    root = ElementTree.parse(file).getroot()
    words = [text.text for text in root.iter(f"{SVG}text")]
    for word in ("alice", "Connecting", "Waiting", "Active", "Reconnecting", "reconnecting", "connected"):
        assert word in words
    assert "0:01:00" in words
    assert own.stdout == file.read_text(encoding="utf-8")
    assert unknown.returncode == 1
    assert "4711" in unknown.stderr
