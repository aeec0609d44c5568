"""The server as a program: opens the state directory, wires everything, listens, and stops in order."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rescue_common.private_files import make_private
from rescue_server.clock import ServerClock, wall_clock
from rescue_server.core.organization import AdministratorAdded, AnyOrganizationEvent, SecretChanged, TechnicianAdded
from rescue_server.faults.injector import FaultInjector
from rescue_server.faults.methods import methods
from rescue_server.observe.observation import MetricsAddress, Observation
from rescue_server.replay.engine import PlayedEngine, Recording
from rescue_server.rpc.admin_service import AdminService
from rescue_server.rpc.applet_service import AppletService
from rescue_server.rpc.clock_service import AccessService, ClockService
from rescue_server.rpc.console_service import ConsoleService
from rescue_server.rpc.fault_service import FaultService
from rescue_server.rpc.guard import Guard
from rescue_server.rpc.journal_service import JournalService
from rescue_server.rpc.listener import Listener
from rescue_server.rpc.tls import ServerTls
from rescue_server.runtime import command_handlers
from rescue_server.runtime.applet_orders import orders_of
from rescue_server.runtime.attachments import Attachments, ViewChanged
from rescue_server.runtime.credentials import Tokens, hash_secret, new_secret, server_key
from rescue_server.runtime.engine import Engine, Outcome
from rescue_server.runtime.journal import Journal
from rescue_server.runtime.limits import LIMITS, Limits
from rescue_server.runtime.presence import Presence
from rescue_server.runtime.retention import KEEP_ENDED, Retention
from rescue_server.runtime.schedule.timekeeper import Timekeeper
from rescue_server.runtime.state import AppliedEvent
from rescue_server.runtime.watch import Watch
from rescue_server.startup.companion import companion
from rescue_server.startup.issued_access import IssuedSecrets
from rescue_server.startup.organization_file import read_organization
from rescue_server.store.directory import DirectoryLock
from rescue_server.store.files import STORE_FILE
from rescue_server.store.restoration import restore
from rescue_server.store.sqlite import SqliteStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the command line says. `speed` and `paused` as given, else the clock goes on as it was."""

    host: str
    port: int
    data: Path
    organization: Path | None = None
    speed: float | None = None
    paused: bool = False
    as_json: bool = False
    keep_ended: timedelta = KEEP_ENDED
    restore: Path | None = None
    ring: int | None = None
    tls: ServerTls | None = None
    metrics: MetricsAddress | None = None
    recording: Recording | None = None
    web: str = ""
    web_options: tuple[str, ...] = ()


def serve(options: Options) -> None:
    """Run the server until SIGTERM or SIGINT. Raises StoreError, RescueError or CannotListen if it cannot start."""
    for note in make_private(options.data):
        print(f"rescue server: {note}", file=sys.stderr)
    with DirectoryLock(options.data):
        if options.restore is not None:
            IssuedSecrets(options.data).mark_unsure()
            _restore(options.restore, options.data)
        with contextlib.closing(SqliteStore.open(options.data / STORE_FILE)) as store:
            asyncio.run(_serve(options, store))


def _restore(backup: Path, data: Path) -> None:
    kept = restore(backup, data)
    aside = f"; the store that was there is now {kept}" if kept else ""
    print(f"rescue server: restored {backup}{aside}", file=sys.stderr)


async def _serve(options: Options, store: SqliteStore) -> None:
    stop = _stop_signal()  # before anybody is told that we are there: who is told may end us at once
    observation = Observation(options.metrics)
    async with contextlib.AsyncExitStack() as running:
        address, work = await running.enter_async_context(serving(options, store, observation=observation))
        web = ""
        if options.web:
            beside = companion(options.web, data=options.data, options=options.web_options)
            web = await running.enter_async_context(beside)
        _say_ready(options, address, observation.metrics_at, web)
        await _until(stop, work)


@contextlib.asynccontextmanager
async def serving(
    options: Options,
    store: SqliteStore,
    *,
    limits: Limits = LIMITS,
    tokens: Tokens | None = None,
    observation: Observation | None = None,
) -> AsyncIterator[tuple[str, Sequence[asyncio.Future[None]]]]:
    """Accept calls for the length of the block: where, and what is at work (if a part of that dies, so should all)."""
    observation = observation or Observation()
    played = options.recording
    clock = _clock(options, store, start=played.start if played else None)
    issued = IssuedSecrets(options.data)
    tokens = tokens or Tokens()
    presence = Presence(lambda technician, focused: _focus(engine, technician, focused))
    engine = PlayedEngine(played, store, clock) if played else Engine(store, clock, in_focus=presence.in_focus)
    if options.ring is not None:
        engine.watch = Watch(ring=options.ring)
    attachments = Attachments()
    journal = Journal(engine)
    engine.on_append = observation.appended
    engine.on_applied = lambda applied: _pass_on(applied, observation, engine, attachments, journal, faults)
    timekeeper = Timekeeper(engine, attachments)
    faults = FaultInjector(lambda: engine.published, clock, timekeeper.barriers, methods())
    retention = Retention(engine, keep_ended=options.keep_ended)
    console = ConsoleService(engine, presence, limits)
    observation.open(engine, attachments, journal)
    listener = Listener(
        around=observation.interceptors(),
        guard=Guard(engine, tokens, faults, limits),
        access=AccessService(engine, tokens),
        applet=AppletService(engine, timekeeper, faults, server_key(options.data), limits),
        console=console,
        admin=AdminService(engine, issued),
        control=ClockService(engine, timekeeper, faults),
        journal=JournalService(engine, journal),
        fault=FaultService(faults),
    )
    engine.load()
    credentials = options.tls.credentials() if options.tls else None
    port = listener.bind(options.host, _ports(options, issued), credentials)  # before anything is written
    presence.assume(_in_focus(engine))
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.to_thread, observation.close)
        stack.push_async_callback(engine.close)
        work = [asyncio.ensure_future(engine.run())]
        stack.push_async_callback(_cancel, work)
        if isinstance(engine, PlayedEngine):
            issued.write(await engine.begin())
            engine.on_end = lambda: _say_played(options, engine.published.revision)
        else:
            await _first_start(options, engine, issued)
        await listener.start()
        address = f"{options.host}:{port}"
        issued.listens_at(_from_here(options.host, port), options.tls.for_clients() if options.tls else None)
        work += map(
            asyncio.ensure_future,
            (timekeeper.run(), timekeeper.mark_regularly(), presence.end_assumption(), retention.run()),
        )
        yield address, work
        presence.close()
        await listener.stop()
        await engine.flush()


def _clock(options: Options, store: SqliteStore, *, start: datetime | None) -> ServerClock:
    """Time goes on from where it stood, as it went, unless options say otherwise."""
    mark = store.clock()
    start = start or (mark.now if mark else wall_clock())
    speed = options.speed or (mark.speed if mark else 1.0)
    paused = options.paused or (mark.paused if mark and options.speed is None else False)
    return ServerClock(start=start, speed=speed, paused=paused)


def _in_focus(engine: Engine) -> frozenset[str]:
    sessions = engine.published.sessions.values()
    return frozenset(
        name for session in sessions if session.ended_at is None for name, e in session.entries.items() if e.focused
    )


async def _focus(engine: Engine, technician: str, focused: bool) -> None:
    await engine.perform(command_handlers.focus(technician, focused))


def _pass_on(
    applied: AppliedEvent,
    observation: Observation,
    engine: Engine,
    attachments: Attachments,
    journal: Journal,
    faults: FaultInjector,
) -> None:
    """Tell the journal's readers of a published event, and the applets what concerns them of it."""
    observation.published(applied)
    journal.grew()
    faults.on_applied(applied)
    if applied.after is None:
        attachments.send_to_all(ViewChanged())
        return
    attachment = attachments.of(applied.after.id)
    for order in orders_of(applied) if attachment is not None else ():
        attachment.send(order)  # type: ignore[union-attr]


async def _first_start(options: Options, engine: Engine, issued: IssuedSecrets) -> None:
    """Make the organization of a new store; make new secrets for users whose secret is not in the access file."""
    events: list[AnyOrganizationEvent] = []
    now = engine.clock.now()
    await asyncio.to_thread(issued.confirm, engine.published.organization.secret_hashes)
    if engine.published.revision == 0:
        events = read_organization(options.organization, now)
        users = [e.name for e in events if isinstance(e, TechnicianAdded | AdministratorAdded)]
    else:
        if options.organization is not None:
            print("the state directory has an organization already: --organization is not read", file=sys.stderr)
        # Whoever owns the directory owns the users; a lost access file must not lock him out.
        users = issued.missing(engine.published.organization.secret_hashes)
    fresh = {user: new_secret() for user in users}
    hashes = await asyncio.gather(*(asyncio.to_thread(hash_secret, secret) for secret in fresh.values()))
    events += [SecretChanged(at=now, user=u, secret_hash=h) for u, h in zip(fresh, hashes, strict=True)]
    if events:
        issued.prepare(fresh)
        await engine.perform(lambda state, context: Outcome(events=events))
        issued.write(fresh)


def _ports(options: Options, issued: IssuedSecrets) -> list[int]:
    """With --listen HOST:0, the port of last time if it is still free: clients that wait for us find us again."""
    return [options.port] if options.port or not issued.last_port else [issued.last_port, 0]


def _from_here(host: str, port: int) -> str:
    """Where clients of this machine find a server that listens at `host`, which may be every address."""
    near = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)
    return f"{near}:{port}"


def _say_ready(options: Options, address: str, metrics: str, web: str) -> None:
    if options.as_json:
        beside = {name: where for name, where in (("metrics", metrics), ("web", web)) if where}
        print(json.dumps({"event": "ready", "server": address, "pid": os.getpid(), **beside}), flush=True)
    else:
        if metrics:
            print(f"metrics at http://{metrics}/metrics", file=sys.stderr)
        if web:
            print(f"consoles in the browser at {web}", file=sys.stderr)
        print(f"ready: listening on {address}, state in {options.data}", flush=True)


def _say_played(options: Options, revision: int) -> None:
    if options.as_json:
        print(json.dumps({"event": "played", "revision": revision}), flush=True)
    else:
        print("the journal is played to its end; Ctrl-C ends the replay", file=sys.stderr)


def _stop_signal() -> asyncio.Event:
    """Return what SIGTERM or SIGINT sets."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    return stop


async def _until(stop: asyncio.Event, work: Sequence[asyncio.Future[None]]) -> None:
    """Wait for that; if a part of the server dies, so does the server, with its error."""
    stopping = asyncio.ensure_future(stop.wait())
    watched: set[asyncio.Future[Any]] = {stopping, *work}
    while not stopping.done():
        done, watched = await asyncio.wait(watched, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()


async def _cancel(work: Sequence[asyncio.Future[None]]) -> None:
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)
