"""What one system alone has is imported where it is used: every module can be loaded on every system."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from rescue_common.file_lock import lock_file
from rescue_emulator.cli.main import NOT_ON_WINDOWS, rescue
from tests.test_house import SOURCES

ROOT = Path(__file__).parents[3]
NOT_EVERYWHERE = {
    "fcntl", "termios", "tty", "pty", "pwd", "grp", "resource", "syslog", "readline", "curses", "crypt", "spwd",
    "msvcrt", "winreg", "winsound", "_winapi", "posix", "nt", "_posixsubprocess", "select.epoll", "ctypes.wintypes",
}  # fmt: skip


def loaded_at_once(body: list[ast.stmt]) -> Iterator[str]:
    """Yield the modules that a module imports while it is loaded."""
    for node in body:
        match node:
            case ast.Import():
                yield from (alias.name for alias in node.names)
            case ast.ImportFrom(module=str(module)):
                yield module
            case ast.If(test=ast.Name(id="TYPE_CHECKING")) | ast.FunctionDef() | ast.AsyncFunctionDef():
                continue
            case _:
                for _, value in ast.iter_fields(node):
                    if isinstance(value, list):
                        yield from loaded_at_once([one for one in value if isinstance(one, ast.stmt)])


def test_no_module_imports_at_its_top_what_not_every_system_has() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in SOURCES
        for name in loaded_at_once(ast.parse(path.read_text(encoding="utf-8")).body)
        if name in NOT_EVERYWHERE
    ]
    assert wrong == []


def test_a_file_is_locked_for_one_at_a_time_until_it_is_closed(tmp_path: Path) -> None:
    first = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    second = os.open(tmp_path / "lock", os.O_RDWR)
    lock_file(first)
    with pytest.raises(BlockingIOError):
        lock_file(second)
    os.close(first)
    lock_file(second, wait=True)
    os.close(second)


def test_on_windows_the_command_says_what_is_possible_instead(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    done = CliRunner().invoke(rescue, ["wait", "alice", "1001", "Active"])
    assert isinstance(rescue, click.Group)
    assert (done.exit_code, NOT_ON_WINDOWS in done.output) == (1, True)
