"""`rescue doctor`: what is installed, writable and reachable, and what to do about what is not."""

from __future__ import annotations

import platform
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import timedelta
from enum import StrEnum
from importlib import metadata
from pathlib import Path

import click

from rescue_common.signals import run_until_signalled
from rescue_emulator.cli.calls import json_wanted, server_options, shared_option
from rescue_emulator.cli.output import json_line, print_lines

DISTRIBUTION = "rescue-emulator"
_TIMEOUT = timedelta(seconds=3)  # real time
_SCREEN = (80, 24)


class State(StrEnum):
    """What a finding means: fine; absent, and needed by some only; or wrong, and to be mended."""

    OK = "ok"
    ABSENT = "absent"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was checked: what was found, and the fix if it is not fine."""

    name: str
    state: State
    found: str
    fix: str = ""

    def __str__(self) -> str:
        line = f"{self.state:7} {self.name:16} {self.found}"
        return f"{line}\n{'':25}{self.fix}" if self.fix else line


@click.command()
@server_options
def doctor() -> int:
    """Check this installation, and say how to mend it. Exit status 1 if something is wrong.

    What is absent is needed by some commands only. Nothing is changed.

    \b
    Examples:
      rescue doctor
      rescue doctor --json
    """
    found = list(findings(server=shared_option("server"), data=shared_option("data")))
    print_lines(json_line(asdict(one)) if json_wanted() else str(one) for one in found)
    return 1 if any(one.state is State.WRONG for one in found) else 0


def findings(*, server: str | None, data: str | None) -> Iterator[Finding]:
    """Yield what each check finds. `server` and `data` are the options of the command."""
    yield Finding(name="python", state=State.OK, found=f"{platform.python_version()} at {sys.executable}")
    yield Finding(name=DISTRIBUTION, state=State.OK, found=metadata.version(DISTRIBUTION))
    yield from _packages()
    yield from _extras()
    yield _state_directory(data)
    yield _server(server, data)
    yield _configuration()
    yield _terminal()
    yield _namespaces()


def _packages() -> Iterator[Finding]:
    for name in ("grpcio", "protobuf"):
        yield Finding(name=name, state=State.OK, found=metadata.version(name))


def _extras() -> Iterator[Finding]:
    """Yield a finding for each optional part: installed if all its packages are."""
    about = metadata.metadata(DISTRIBUTION)
    for extra in sorted(about.get_all("Provides-Extra") or ()):
        versions, missing = [], []
        for package in _packages_of(extra):
            try:
                versions.append(f"{package} {metadata.version(package)}")
            except metadata.PackageNotFoundError:
                missing.append(package)
        yield Finding(
            name=f"extra {extra}",
            state=State.ABSENT if missing else State.OK,
            found=f"not installed: {', '.join(missing)}" if missing else ", ".join(versions),
            fix=f"pip install '{DISTRIBUTION}[{extra}]'" if missing else "",
        )


def _packages_of(extra: str) -> Iterator[str]:
    for line in metadata.requires(DISTRIBUTION) or ():
        requirement, _, marker = line.partition(";")
        if marker.strip().replace("'", '"') == f'extra == "{extra}"':
            yield requirement.split(">=")[0].split("[")[0].strip()


def _state_directory(data: str | None) -> Finding:
    from rescue_common.private_files import OTHERS
    from rescue_common.state_directory import NoAccess, state_directory

    try:
        directory = state_directory(data)
    except NoAccess as error:
        return Finding(name="state directory", state=State.WRONG, found="none", fix=str(error))
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    if not _is_writable(existing):
        return Finding(
            name="state directory",
            state=State.WRONG,
            found=f"{directory} cannot be written" + ("" if existing == directory else f" (because of {existing})"),
            fix="choose another with --data DIR or RESCUE_DATA",
        )
    if existing != directory:
        return Finding(name="state directory", state=State.OK, found=f"{directory} (the first server makes it)")
    if directory.stat().st_mode & OTHERS:
        found = f"{directory} is open to other users"
        return Finding(name="state directory", state=State.WRONG, found=found, fix=f"chmod 700 {directory}")
    return Finding(name="state directory", state=State.OK, found=str(directory))


def _is_writable(directory: Path) -> bool:
    """Try it: the permissions alone say nothing about root, a read-only disk or a file system such as /proc."""
    try:
        with tempfile.TemporaryFile(dir=directory):
            return True
    except OSError:
        return False


def _server(server: str | None, data: str | None) -> Finding:
    from rescue_client.health import SERVING, find_serving
    from rescue_common.state_directory import NoAccess, TlsEnvironment, find_servers
    from rescue_common.tls import BadTls
    from rescue_protos.errors import RescueError

    try:
        addresses = find_servers(server=server, data=data)
    except NoAccess as error:
        return Finding(name="server", state=State.ABSENT, found="none is known here", fix=str(error))
    try:
        TlsEnvironment().update(server=server, data=data)
        address, health = run_until_signalled(find_serving(addresses, timeout=_TIMEOUT))
    except BadTls as error:
        return Finding(name="server", state=State.WRONG, found=f"{', '.join(addresses)}: {error}", fix="see --tls-ca")
    except RescueError:
        # The address of a server that was stopped is kept, so silence is not wrong by itself.
        silent = f"{', '.join(addresses)} does not answer"
        state = State.ABSENT if server is None else State.WRONG
        return Finding(name="server", state=state, found=silent, fix="start it with `rescue server`")
    state = State.OK if health == SERVING else State.ABSENT
    return Finding(name="server", state=state, found=f"{address} is {health}")


def _configuration() -> Finding:
    from rescue_emulator.cli.configuration import own_file

    path = own_file()
    if path is None or not path.exists():
        return Finding(name="configuration", state=State.OK, found=f"none ({path})" if path else "none")
    return Finding(name="configuration", state=State.OK, found=str(path))


def _terminal() -> Finding:
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding != "utf8":
        fix = "set PYTHONUTF8=1, or a UTF-8 locale such as LC_ALL=C.UTF-8"
        return Finding(name="terminal", state=State.ABSENT, found=f"writes {sys.stdout.encoding}, not UTF-8", fix=fix)
    if not sys.stdout.isatty():
        return Finding(name="terminal", state=State.OK, found="none: output goes to a file or pipe")
    columns, lines = shutil.get_terminal_size()
    if columns < _SCREEN[0] or lines < _SCREEN[1]:
        fix = "make it {} by {} for the full screens".format(*_SCREEN)
        return Finding(name="terminal", state=State.ABSENT, found=f"{columns} by {lines}", fix=fix)
    return Finding(name="terminal", state=State.OK, found=f"{columns} by {lines}, UTF-8")


def _namespaces() -> Finding:
    """Check what `rescue applet --lan netns` needs. The usual cable needs nothing."""
    from rescue_applet.network.cable import CannotLay
    from rescue_applet.network.namespace import require_namespaces

    try:
        require_namespaces()
    except CannotLay as error:
        return Finding(name="applet --lan netns", state=State.ABSENT, found="not possible here", fix=str(error))
    return Finding(name="applet --lan netns", state=State.OK, found="possible")
