"""`rescue cluster`: several servers and an engine's nodes on this machine, to kill and bring back; and their state."""

from __future__ import annotations

import asyncio
import contextlib
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rescue_common.cli_options import SPEED
from rescue_common.durations import format_duration
from rescue_common.signals import Terminated, run_until_signalled
from rescue_emulator.cli.calls import connection_options, run_call
from rescue_emulator.cli.output import print_lines, print_result

if TYPE_CHECKING:
    from rescue_client.cluster import ClusterState
    from rescue_emulator.world.cluster_programs import ClusterPrograms

_ANYWHERE = "127.0.0.1:0"
_USAGE = "kill server|node NAME, stop server|node NAME, start server|node NAME, status; Ctrl-C ends everything"
_VERBS = ("kill", "stop", "start")
_LOOK_EVERY = 0.3  # real seconds


class BadOrder(ValueError):
    """A line that is no order to the cluster. The message says what is."""


@click.group(invoke_without_command=True)
@click.option("--servers", type=click.IntRange(1, 9), default=3, show_default=True, help="How many session servers.")
@click.option("--nodes", type=click.Choice(["1", "3", "5"]), default="3", show_default=True, help="How many nodes.")
@click.option("--engine", type=click.Choice(["nats", "etcd"]), default="nats", show_default=True, help="Their kind.")
@click.option("--speed", type=SPEED, help="Emulated seconds per real second.")
@click.option("--web", is_flag=True, help="Serve the consoles to browsers at each server.")
@click.option("--api", is_flag=True, help="Serve the public API at each server.")
@click.option("--data", metavar="DIR", help="An empty directory for everything.  [default: a temporary one]")
@click.pass_context
def cluster(
    ctx: click.Context,
    servers: int,
    nodes: str,
    engine: str,
    speed: float | None,
    web: bool,
    api: bool,
    data: str | None,
) -> int | None:
    """Run several session servers on one log here, and kill what you like: the others go on.

    Prints the addresses for --server of consoles and computers, and a table at each change. Lines that you type are
    orders: kill, stop or start a server or a node.

    \b
    Examples:
      rescue cluster
      rescue cluster --servers 2 --nodes 1 --speed 20
      rescue cluster --web --api
    """
    if ctx.invoked_subcommand is not None:
        return None
    from rescue_common.processes.child import ProgramEnded
    from rescue_emulator.world.cluster_programs import ClusterPrograms
    from rescue_emulator.world.engine_nodes import NoEngine

    offered = [*(("--web", _ANYWHERE) if web else ()), *(("--api", _ANYWHERE) if api else ())]
    pace = ["--speed", f"{speed:g}"] if speed is not None else []
    try:
        with tempfile.TemporaryDirectory(prefix="rescue-cluster-") as temporary:
            directory = Path(data or temporary)
            if directory.exists() and any(directory.iterdir()):
                raise click.UsageError(f"--data {directory}: it is not empty, and a new cluster begins here")
            programs = ClusterPrograms(
                directory, servers=servers, nodes=int(nodes), engine=engine, options=offered, first=pace
            )
            with contextlib.suppress(KeyboardInterrupt, Terminated):
                run_until_signalled(_run(programs))
    except (NoEngine, ProgramEnded, TimeoutError, OSError) as error:
        raise click.ClickException(str(error)) from None
    return 0


@cluster.command()
@connection_options
def status() -> None:
    """Show the servers of a cluster and the engine's nodes.

    \b
    Example:
      rescue cluster status --server 127.0.0.1:50051
    """
    from rescue_client.cluster import ClusterClient

    state = run_call(lambda connection: ClusterClient(connection).state())
    print_result(_json(state), _table(state))


@cluster.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def key(file: Path) -> None:
    """Make the key that all servers of a cluster have, readable by its owner alone.

    \b
    Example:
      rescue cluster key cluster.key
    """
    from rescue_server.cluster.proofs import BadKey, make_key

    try:
        make_key(file)
    except BadKey as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from None


async def _run(programs: ClusterPrograms) -> None:
    async with programs, asyncio.TaskGroup() as beside:
        click.echo(f"--server {programs.address}")
        click.echo(f"or --data {programs.data()}, where the secrets are, too")
        click.echo(f"orders: {_USAGE}")
        table = _Table(programs)
        table.show()
        beside.create_task(table.show_changes())
        async for line in _typed_lines():
            async with table.order():
                try:
                    await _obey(programs, line.split())
                except BadOrder as error:
                    click.echo(str(error), err=True)


async def _obey(programs: ClusterPrograms, words: Sequence[str]) -> None:
    """Carry out one order. Raises BadOrder, also if what is to start does not."""
    from rescue_common.processes.child import ProgramEnded
    from rescue_emulator.world.engine_nodes import NoEngine

    try:
        match [word.lower() for word in words]:
            case [] | ["status"]:
                return
            case [verb, "server", name] if name in programs.names and verb in _VERBS:
                await _to_server(programs, verb, name)
            case [verb, "node", name] if name in programs.nodes.names and verb in _VERBS:
                _check(verb, name, programs.nodes.is_running(name))
                await asyncio.to_thread(getattr(programs.nodes, verb), name)
            case _:
                raise BadOrder(f"{' '.join(words)!r} is no order: {_USAGE}")
    except (NoEngine, ProgramEnded, TimeoutError, OSError) as error:
        raise BadOrder(str(error) or f"{' '.join(words)}: it took too long") from None


def _check(verb: str, name: str, is_running: bool) -> None:
    if (verb == "start") == is_running:
        raise BadOrder(f"{name} {'runs already' if verb == 'start' else 'does not run'}")


async def _to_server(programs: ClusterPrograms, verb: str, name: str) -> None:
    _check(verb, name, programs.is_running(name))
    led = programs.leader() == name
    match verb:
        case "kill":
            await programs.kill_server(name)
        case "stop":
            await programs.stop_server(name)
        case _:
            await programs.start_server(name)
    if led:
        with contextlib.suppress(TimeoutError):
            await programs.next_leader()


class _Table:
    """What each server and node is: shown after each order, and when it has changed without one."""

    def __init__(self, programs: ClusterPrograms) -> None:
        self._programs = programs
        self._shown: list[str] = []
        self._in_order = asyncio.Lock()

    def show(self) -> None:
        """Print it."""
        self._shown = _lines(self._programs)
        print_lines(self._shown)

    @contextlib.asynccontextmanager
    async def order(self) -> AsyncIterator[None]:
        """Show what the order in this block leads to, and nothing on the way."""
        async with self._in_order:
            yield
            self.show()

    async def show_changes(self) -> None:
        """Show it whenever it has changed, until cancelled: people kill from other terminals, too."""
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            async with self._in_order:
                if _lines(self._programs) != self._shown:
                    self.show()


def _lines(programs: ClusterPrograms) -> list[str]:
    leader = programs.leader()
    rows = [
        (name, _role(programs, name, leader), " ".join((address, *_urls(programs, name))))
        for name in programs.names
        if (address := programs.address_of(name)) or not programs.is_running(name)
    ]
    nodes = [f"{name} {'runs' if programs.nodes.is_running(name) else 'is away'}" for name in programs.nodes.names]
    return [*(f"  {name:<4} {role:<8} {address}" for name, role, address in rows), f"  nodes: {', '.join(nodes)}"]


def _role(programs: ClusterPrograms, name: str, leader: str) -> str:
    return "leads" if name == leader else "follows" if programs.is_running(name) else "is away"


def _urls(programs: ClusterPrograms, name: str) -> list[str]:
    return [url for what in ("web", "api") if (url := programs.url_of(name, what))]


async def _typed_lines() -> AsyncIterator[str]:
    """Yield the lines of stdin until it ends. A file or device that cannot be waited for has none."""
    reader = asyncio.StreamReader()
    try:
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
    except (ValueError, OSError):
        return
    try:
        while line := await reader.readline():
            yield line.decode(errors="replace").strip()
    finally:
        transport.close()


def _json(state: ClusterState) -> dict[str, object]:
    return {
        "cluster": state.name,
        "epoch": state.epoch,
        "servers": [
            {
                "name": one.name,
                "role": "leader" if one.leads else "follower",
                "server": one.address,
                "position": one.position,
                "lag": state.lag(one),
                "applets": one.applets,
                "consoles": one.consoles,
                "leads_for": round(one.leads_for.total_seconds(), 1) if one.leads else None,
            }
            for one in state.servers
        ],
        "nodes": [{"name": node.name, "role": node.role} for node in state.nodes],
    }


def _table(state: ClusterState) -> list[str]:
    servers = [
        f"  {one.name:<12} {'leader' if one.leads else 'follower':<9} {one.address:<22} record {one.position}"
        f"{f', {lag} behind' if (lag := state.lag(one)) else ''}"
        f"{f', leads for {format_duration(_whole(one.leads_for))}' if one.leads else ''}"
        f"; {_some(one.applets, 'applet')}, {_some(one.consoles, 'console')}"
        for one in state.servers
    ]
    nodes = [f"  {node.name:<22} {node.role}" for node in state.nodes]
    return [f"cluster {state.name}, epoch {state.epoch}", "servers", *servers, "engine nodes", *nodes]


def _whole(period: timedelta) -> timedelta:
    return timedelta(seconds=int(period.total_seconds()))


def _some(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
