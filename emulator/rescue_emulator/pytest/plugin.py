"""The pytest plugin: a world for a test, a failure that explains itself, and which published changes were exercised.

    async def test_a_cut_cable_shows_as_reconnecting(world):
        alice = await world.technician("alice")
        ...

`world` is for async tests (with pytest-asyncio), `sync_world` for the others. Where their server comes from is said
by --rescue: `own` (each test starts one), `share` (one for the whole run; each test has its own people on it), `attach`
(it runs elsewhere: --rescue-server, RESCUE_SERVER). Every pytest run of an environment loads this module, so it imports
nothing but pytest; the rest comes with the first world.
"""

from __future__ import annotations

import os
import random
import sys
import warnings
import zlib
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from rescue_emulator.world.sync import SyncWorld
    from rescue_emulator.world.world import World

MODES = ("own", "share", "attach")
_LONGEST_NAME = 80  # letters, of a file
_SILENT_ROW = 61  # the one published row that shows no change


@dataclass(slots=True, kw_only=True)
class Run:
    """One run of pytest: where worlds come from, the seed of all of them, and what was seen."""

    mode: str
    server: str | None
    data: str | None
    seed: int
    rows: Counter[int] = field(default_factory=Counter)

    def world(self, item: pytest.Item, shared: _Shared) -> World:
        """Make the world of a test; `shared` has the shared server."""
        from rescue_emulator.world.world import World

        options: dict[str, Any] = {}
        for mark in item.iter_markers("rescue"):
            if mark.args:
                pytest.fail(f"the mark rescue names its options, as in rescue(speed=60): {mark.args!r}", pytrace=False)
            options = {**mark.kwargs, **options}
        mode = options.pop("mode", "own" if options and self.mode == "share" else self.mode)
        if mode not in MODES:
            pytest.fail(f"the mark rescue has no mode {mode!r} (possible: {', '.join(MODES)})", pytrace=False)
        seed = zlib.crc32(f"{self.seed} {item.nodeid}".encode())
        if mode == "own":
            return World(**{"seed": seed, **options})
        if options:
            pytest.skip("needs a server of its own: --rescue=own or share")
        if mode == "share":
            return shared.world().guest(seed=seed)
        return World.attached(server=self.server, data=self.data, seed=seed)


_RUN = pytest.StashKey[Run]()
_WORLDS = pytest.StashKey["list[World]"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("rescue", "rescue: emulated support sessions")
    group.addoption("--rescue", choices=MODES, help="Where the server of a world comes from; own by default.")
    group.addoption("--rescue-server", metavar="HOST:PORT", help="The server to attach to; else RESCUE_SERVER.")
    group.addoption("--rescue-data", metavar="DIR", help="Its state directory; else RESCUE_DATA.")
    group.addoption("--rescue-seed", type=int, metavar="N", help="What all chance in the worlds comes from.")
    group.addoption("--rescue-artifacts", metavar="DIR", help="Where failures leave their timelines as pictures.")
    group.addoption("--rescue-coverage", action="store_true", help="Say which published status changes were seen.")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        "rescue(mode=..., paused=..., speed=..., organization=..., options=...): the world that this test needs; "
        "options other than mode are those of World and need a server of their own",
    )
    server = config.getoption("--rescue-server") or os.environ.get("RESCUE_SERVER")
    mode = config.getoption("--rescue") or ("attach" if server else "own")
    worker: Mapping[str, Any] = getattr(config, "workerinput", {})
    seed = config.getoption("--rescue-seed")
    if seed is None:
        seed = worker.get("rescue_seed", random.SystemRandom().randrange(2**32))
    data = config.getoption("--rescue-data") or os.environ.get("RESCUE_DATA")
    config.stash[_RUN] = Run(mode=mode, server=server, data=data, seed=seed)
    if config.pluginmanager.hasplugin("asyncio"):
        config.pluginmanager.register(import_module("rescue_emulator.pytest.asyncio_fixtures"), "rescue async")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give a worker of pytest-xdist the seed of the whole run."""
    node.workerinput["rescue_seed"] = node.config.stash[_RUN].seed


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Take over what a worker of pytest-xdist has seen."""
    seen = getattr(node, "workeroutput", {}).get("rescue_rows", {})
    node.config.stash[_RUN].rows.update({int(row): times for row, times in seen.items()})


def pytest_sessionfinish(session: pytest.Session) -> None:
    technician = sys.modules.get("rescue_emulator.world.technician")  # not loaded, nothing seen
    rows: Counter[int] = technician.rows_shown if technician else Counter()
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["rescue_rows"] = {str(row): times for row, times in rows.items()}
    else:
        session.config.stash[_RUN].rows.update(rows)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not config.getoption("--rescue-coverage"):
        return
    from rescue_protos.status_table import read_rows

    seen = config.stash[_RUN].rows
    shown = [row for row in read_rows() if row.row != _SILENT_ROW]
    missing = [row for row in shown if not seen[row.row]]
    terminalreporter.section("published status changes")
    terminalreporter.line(
        f"{len(shown) - len(missing)} of {len(shown)} were seen (row {_SILENT_ROW} shows no change)"
        + ("; not seen:" if missing else "")
    )
    for row in missing:
        terminalreporter.line(f"  {row.row:>2}  {row.start} → {row.end}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    worlds = item.stash.get(_WORLDS, [])
    if report.failed and worlds:
        run = item.config.stash[_RUN]
        told = getattr(call.excinfo.value if call.excinfo else None, "report", "")
        for world in worlds:
            text = world.report()
            if told != text:  # else the exception has told it
                report.sections.append(("rescue world", text))
        again = f"pytest --rescue-seed={run.seed} '{item.nodeid}'"
        report.sections.append(("rescue again", "\n".join([again, *_pictures(item, worlds)])))
    return report


def _pictures(item: pytest.Item, worlds: list[World]) -> list[str]:
    """Draw the timelines of a failed test's worlds; return a line for each file."""
    from rescue_emulator.world.failure_report import drawings

    given = item.config.getoption("--rescue-artifacts")
    directory = Path(given) if given else item.config.rootpath / ".rescue-artifacts"
    lines = []
    test = file_name_of(item.nodeid)
    drawn = [found for world in worlds for found in drawings(world.technicians).items()]
    for session, picture in drawn:
        path = directory / f"{test}-{session}.svg"
        try:
            if not given and not directory.exists():
                directory.mkdir()
                # It stands in somebody's checkout, as pytest's own cache does.
                (directory / ".gitignore").write_text("*\n", encoding="utf-8")
            directory.mkdir(parents=True, exist_ok=True)
            path.write_text(picture, encoding="utf-8")
        except OSError as error:
            lines.append(f"no timeline was drawn: {error}")
        else:
            lines.append(f"timeline: {path}")
    return lines


def file_name_of(test: str) -> str:
    """Return what a test's files are called: like the test, and like those of no other test."""
    readable = "".join(letter if letter.isalnum() else "-" for letter in test).strip("-")
    if "[" not in test and len(readable) <= _LONGEST_NAME:
        return readable
    return f"{readable[:_LONGEST_NAME]}-{zlib.crc32(test.encode(errors='replace')):08x}"  # parameters are anything


def new_world(request: pytest.FixtureRequest) -> World:
    """Make the world that a test is to have, and remember it for when the test fails."""
    run = request.config.stash[_RUN]
    shared = request.getfixturevalue("rescue_shared_server")
    world = run.world(request.node, shared)
    request.node.stash.setdefault(_WORLDS, []).append(world)
    return world


class _Shared(Mapping[str, str]):
    """Where the shared server is; it starts when somebody first asks, and anew for those who come after its end."""

    def __init__(self) -> None:
        self._world: World | None = None
        self._entered: SyncWorld | None = None

    def world(self) -> World:
        if self._world is not None and self._world.server.status is not None:
            # The test during which it ended has told so in its own way; the others have no part in it.
            warnings.warn(f"the shared server is gone, another starts\n{self._world.report()}", stacklevel=2)
            self.end()
        if self._world is None:
            from rescue_emulator.world.sync import SyncWorld
            from rescue_emulator.world.world import World

            world = World()
            self._entered = SyncWorld(world).__enter__()
            self._world = world  # only now: whom a failed start concerns is told why, each time
        return self._world

    def end(self) -> None:
        entered, self._entered, self._world = self._entered, None, None
        if entered is not None:
            entered.__exit__(None, None, None)

    def __getitem__(self, key: str) -> str:
        world = self.world()
        return {"server": world.address, "data": str(world.data)}[key]

    def __iter__(self) -> Iterator[str]:
        return iter(("server", "data"))

    def __len__(self) -> int:
        return 2


@pytest.fixture(scope="session")
def rescue_shared_server() -> Iterator[Mapping[str, str]]:
    """Where the server is that tests share, `server` and `data`; it runs from first use to the end of the run."""
    shared = _Shared()
    yield shared
    shared.end()


@pytest.fixture
def sync_world(request: pytest.FixtureRequest) -> Iterator[SyncWorld]:
    """A world for a test that does not await."""
    from rescue_emulator.world.sync import SyncWorld

    with SyncWorld(new_world(request)) as found:
        yield found


@pytest.fixture
def world() -> None:
    """A world for an async test; pytest-asyncio, if it is there, brings the real one."""
    pytest.fail("the fixture `world` needs pytest-asyncio; without it there is `sync_world`", pytrace=False)
