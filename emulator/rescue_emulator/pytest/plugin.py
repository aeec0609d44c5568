"""The pytest plugin: a world for each test, a report for each failure, and coverage of the published changes.

    async def test_a_cut_cable_shows_as_reconnecting(world):
        alice = await world.technician("alice")
        ...

`world` is for async tests (with pytest-asyncio), `sync_world` for the others. --rescue selects their server: `own`
(each test starts one), `share` (one for the whole run; each test has accounts of its own on it), or `attach` (an
external server: --rescue-server, RESCUE_SERVER). Every pytest run of an environment loads this module, so it imports
nothing but pytest; the rest is imported with the first world.
"""

from __future__ import annotations

import os
import random
import zlib
from collections.abc import Generator, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from rescue_emulator.pytest.tracebacks import hide_library
from rescue_emulator.pytest.worlds import MODES, RUN, WORLDS, Run, SharedServer, new_world

if TYPE_CHECKING:
    from rescue_emulator.world.sync import SyncWorld
    from rescue_emulator.world.world import World

_LONGEST_NAME = 80  # letters, of a file
_SILENT_ROW = 61  # the one published row that shows no change


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("rescue", "rescue: emulated support sessions")
    group.addoption("--rescue", choices=MODES, help="Which server a world uses; own by default.")
    group.addoption("--rescue-server", metavar="HOST:PORT[,...]", help="The server to attach to; else RESCUE_SERVER.")
    group.addoption("--rescue-data", metavar="DIR", help="Its state directory; else RESCUE_DATA.")
    group.addoption("--rescue-seed", type=int, metavar="N", help="Seed of all random choices in the worlds.")
    group.addoption("--rescue-artifacts", metavar="DIR", help="Where to write the timelines of failed tests.")
    group.addoption("--rescue-coverage", action="store_true", help="Report which published status changes were seen.")


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
    config.stash[RUN] = run = Run(mode=mode, server=server, data=data, seed=seed)
    if config.getoption("--rescue-coverage"):
        from rescue_emulator.world.technician import update_listeners

        update_listeners.append(run.count_row)
        config.add_cleanup(lambda: update_listeners.remove(run.count_row))
    if config.pluginmanager.hasplugin("asyncio"):
        config.pluginmanager.register(import_module("rescue_emulator.pytest.asyncio_fixtures"), "rescue async")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Give a worker of pytest-xdist the seed of the run."""
    node.workerinput["rescue_seed"] = node.config.stash[RUN].seed


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Add the rows that a worker of pytest-xdist has counted."""
    seen = getattr(node, "workeroutput", {}).get("rescue_rows", {})
    node.config.stash[RUN].rows.update({int(row): times for row, times in seen.items()})


def pytest_sessionfinish(session: pytest.Session) -> None:
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["rescue_rows"] = {str(row): times for row, times in session.config.stash[RUN].rows.items()}


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not config.getoption("--rescue-coverage"):
        return
    from rescue_protos.status_table import read_rows

    seen = config.stash[RUN].rows
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
    if call.excinfo is not None and not item.config.getoption("fulltrace"):
        hide_library(call.excinfo.tb)
    report = yield
    worlds = item.stash.get(WORLDS, [])
    if report.failed and worlds:
        from rescue_emulator.world.sync import SyncWorld

        run = item.config.stash[RUN]
        reported = getattr(call.excinfo.value if call.excinfo else None, "report", "")
        for world in worlds:
            # The exception may contain the report; else the server is asked while it is there.
            if not reported or reported != world.report():
                text = SyncWorld(world).look() if call.when == "call" else world.report()
                report.sections.append(("rescue world", text))
        again = f"pytest --rescue-seed={run.seed} '{item.nodeid}'"
        report.sections.append(("rescue again", "\n".join([again, *_pictures(item, worlds)])))
    return report


def _pictures(item: pytest.Item, worlds: list[World]) -> list[str]:
    """Draw the timelines of a failed test's worlds; return a line for each file."""
    from rescue_emulator.world.failure_report import draw_timelines

    given = item.config.getoption("--rescue-artifacts")
    directory = Path(given) if given else item.config.rootpath / ".rescue-artifacts"
    lines = []
    test = file_name_of(item.nodeid)
    drawn = [found for world in worlds for found in draw_timelines(world.technicians).items()]
    for session, picture in drawn:
        path = directory / f"{test}-{session}.svg"
        try:
            if not directory.exists():
                directory.mkdir(parents=True)
                # The directory may be inside a checkout, as pytest's own cache is.
                (directory / ".gitignore").write_text("*\n", encoding="utf-8")
            path.write_text(picture, encoding="utf-8")
        except OSError as error:
            lines.append(f"no timeline was drawn: {error}")
        else:
            lines.append(f"timeline: {path}")
    return lines


def file_name_of(test: str) -> str:
    """Return a file name for a test: readable, and different for every test."""
    readable = "".join(letter if letter.isalnum() else "-" for letter in test).strip("-")
    if "[" not in test and len(readable) <= _LONGEST_NAME:
        return readable
    return f"{readable[:_LONGEST_NAME]}-{zlib.crc32(test.encode(errors='replace')):08x}"  # parameters can be any text


@pytest.fixture(scope="session")
def rescue_shared_server() -> Iterator[SharedServer]:
    """The server that tests share, with `address` and `data`; it runs from its first use to the end of the run."""
    shared = SharedServer()
    yield shared
    shared.stop()


@pytest.fixture
def sync_world(request: pytest.FixtureRequest) -> Iterator[SyncWorld]:
    """A world for a test without await."""
    from rescue_emulator.world.sync import SyncWorld

    with SyncWorld(new_world(request)) as found:
        yield found


@pytest.fixture
def world() -> None:
    """A world for an async test. With pytest-asyncio installed, `asyncio_fixtures` replaces this fixture."""
    pytest.fail("the fixture `world` needs pytest-asyncio; without it there is `sync_world`", pytrace=False)
