"""The server as a program: opens the state directory, wires everything, listens, and stops in order."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

from rescue_common.emulated_time import format_timestamp
from rescue_common.private_files import make_private, remove_unfinished
from rescue_server.clock import ServerClock, wall_clock
from rescue_server.observe.observation import Observation
from rescue_server.parts import ServerParts, make_listener
from rescue_server.replay.schedule import ReplaySchedule
from rescue_server.runtime.admission import Admission
from rescue_server.runtime.background import until
from rescue_server.runtime.checkpoint import Checkpoints
from rescue_server.runtime.credentials import server_key
from rescue_server.runtime.due_posts import follow_with_posts
from rescue_server.runtime.engine import Engine, compose_engine, live_engine
from rescue_server.runtime.focus import in_focus
from rescue_server.runtime.hooks import Hooks
from rescue_server.runtime.limits import LIMITS, Limits
from rescue_server.runtime.presence import ConnectedConsoles
from rescue_server.runtime.state import EngineStates
from rescue_server.runtime.watch import Watch
from rescue_server.startup import garbage
from rescue_server.startup.companions import companions
from rescue_server.startup.first_start import prepare_organization
from rescue_server.startup.issued_access import IssuedSecrets
from rescue_server.startup.options import ServerOptions
from rescue_server.store.checkpoint_file import CheckpointFile
from rescue_server.store.directory import DirectoryLock
from rescue_server.store.errors import StoreOfCluster
from rescue_server.store.files import STORE_FILE
from rescue_server.store.restoration import restore
from rescue_server.store.sqlite import SqliteStore

_BESIDE = {
    "metrics": "metrics at http://{}/metrics",
    "web": "consoles in the browser at {}",
    "api": "public API at {}",
    "api_tls": "public API at {}",
    "api_proxy": "proxy that leads the vendor's names to it at {}",
    "api_ca": "the CA that its clients have to trust: {}",
}


def serve(options: ServerOptions) -> None:
    """Run the server until SIGTERM or SIGINT. Raises StoreError, RescueError or CannotListen if it cannot start."""
    for note in make_private(options.data):
        print(f"rescue server: {note}", file=sys.stderr)
    with DirectoryLock(options.data):
        remove_unfinished(options.data)
        if options.restore is not None:
            IssuedSecrets(options.data).mark_unsure()
            _restore(options.restore, options.data)
        store_file = options.data / STORE_FILE
        file = CheckpointFile(store_file)
        checkpoints = Checkpoints(file.take())
        if checkpoints.found is None and (note := file.note_without()):
            print(f"rescue server: {note}", file=sys.stderr)
        with contextlib.closing(SqliteStore.open(store_file, checked=checkpoints.found is not None)) as store:
            if store.note():
                raise StoreOfCluster(path=store_file)
            asyncio.run(_serve(options, store, checkpoints))
        if (content := checkpoints.content()) is not None:
            file.write(content)


def _restore(backup: Path, data: Path) -> None:
    kept = restore(backup, data)
    aside = f"; the store that was there is now {kept}" if kept else ""
    print(f"rescue server: restored {backup}{aside}", file=sys.stderr)


async def _serve(options: ServerOptions, store: SqliteStore, checkpoints: Checkpoints) -> None:
    stop = stop_signal()  # first, because a client may stop the server as soon as the address is known
    observation = Observation(options.metrics)
    async with contextlib.AsyncExitStack() as running:
        admission = Admission.by(server_key(options.data))
        accepting = serving(
            options,
            store,
            limits=options.limits,
            observation=observation,
            admission=admission,
            checkpoints=checkpoints,
        )
        garbage.postpone()
        address, work = await running.enter_async_context(accepting)
        garbage.tune()
        urls = {"metrics": observation.metrics_at}
        beside = companions(options, key=admission.tokens.companion_key)
        urls |= await running.enter_async_context(beside)
        _print_ready(options, address, urls)
        await until(work, stop.wait())


@contextlib.asynccontextmanager
async def serving(
    options: ServerOptions,
    store: SqliteStore,
    *,
    limits: Limits = LIMITS,
    admission: Admission | None = None,
    observation: Observation | None = None,
    checkpoints: Checkpoints | None = None,
) -> AsyncIterator[tuple[str, Sequence[asyncio.Future[None]]]]:
    """Accept calls for the length of the block. Yields the address and the background tasks: if one fails, stop."""
    observation = observation or Observation()
    recording = options.recording
    clock = _clock(options, store, start=recording.start if recording else None)
    issued = IssuedSecrets(options.data)
    consoles = ConnectedConsoles()
    hooks = Hooks(in_focus=consoles.in_focus, on_append=observation.appended, on_work=observation.worked)
    if recording is None:  # a recording has its posts already
        hooks = replace(hooks, follow_up=follow_with_posts(store.identity().history))
    watch = Watch(ring=options.ring) if options.ring is not None else Watch()
    engine: Engine
    prepare: Callable[[], Awaitable[None]]
    if recording is not None:
        states = EngineStates()
        schedule = ReplaySchedule(recording, clock, partial(_print_replayed, options, len(recording.lines)))
        engine = compose_engine(store, clock, schedule, states, hooks=hooks, watch=watch)
        prepare = partial(_begin_replay, schedule, engine, issued)
    else:
        engine = live_engine(store, clock, hooks=hooks, watch=watch)
        prepare = partial(prepare_organization, options.organization, engine, issued)
    parts = ServerParts.of(options, engine, consoles, observation)
    key = server_key(options.data)
    listener = make_listener(parts, issued, limits, admission or Admission.by(key), key)
    engine.load(checkpoints)
    credentials = options.tls.credentials() if options.tls else None
    port = listener.bind(options.host, _ports(options, issued), credentials)  # before anything is written
    parts.presence.assume(in_focus(engine))
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(asyncio.to_thread, observation.close)
        stack.push_async_callback(engine.close)
        work: list[asyncio.Future[None]] = [asyncio.create_task(engine.run())]
        stack.push_async_callback(_cancel, work)
        await prepare()
        await listener.start()
        address = f"{options.host}:{port}"
        issued.listens_at(near_address(options.host, port), options.tls.for_clients() if options.tls else None)
        work += parts.start(replaying=recording is not None)
        try:
            yield address, work
        finally:
            parts.presence.close()
            await listener.stop()
        await engine.flush()


async def _begin_replay(schedule: ReplaySchedule, engine: Engine, issued: IssuedSecrets) -> None:
    issued.write(await schedule.begin(engine))


def _clock(options: ServerOptions, store: SqliteStore, *, start: datetime | None) -> ServerClock:
    """Return the clock: it goes on from the stored reading, at the stored speed, unless options say otherwise."""
    mark = store.clock()
    if mark and options.start_at:
        stands = format_timestamp(mark.now, timespec="seconds")
        note = f"the clock of this state directory goes on from {stands}: --start-at is for the first start only"
        print(f"rescue server: {note}", file=sys.stderr)
    start = start or (mark.now if mark else options.start_at or wall_clock())
    speed = options.speed or (mark.speed if mark else 1.0)
    paused = options.paused or (mark.paused if mark and options.speed is None else False)
    return ServerClock(start=start, speed=speed, paused=paused)


def _ports(options: ServerOptions, issued: IssuedSecrets) -> list[int]:
    """Return the ports to try. With --listen HOST:0 that is first the last port, so that waiting clients find the
    server."""
    return [options.port] if options.port or not issued.last_port else [issued.last_port, 0]


def near_address(host: str, port: int) -> str:
    """Return the address by which clients of this machine reach a server that listens at `host`."""
    near = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}.get(host, host)
    return f"{near}:{port}"


def print_urls(urls: Mapping[str, str]) -> None:
    """Say on stderr what a server offers beside the contract."""
    for name, text in _BESIDE.items():
        if where := urls.get(name):
            print(text.format(where), file=sys.stderr)


def _print_ready(options: ServerOptions, address: str, urls: Mapping[str, str]) -> None:
    if options.as_json:
        beside = {name: where for name, where in urls.items() if where}
        print(json.dumps({"event": "ready", "server": address, "pid": os.getpid(), **beside}), flush=True)
    else:
        print_urls(urls)
        print(f"ready: listening on {address}, state in {options.data}", flush=True)


def _print_replayed(options: ServerOptions, revision: int) -> None:
    if options.as_json:
        print(json.dumps({"event": "played", "revision": revision}), flush=True)
    else:
        print("the journal is played to its end; Ctrl-C ends the replay", file=sys.stderr)


def stop_signal() -> asyncio.Event:
    """Return what SIGTERM or SIGINT sets."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, stop.set)
    return stop


async def _cancel(work: Sequence[asyncio.Future[None]]) -> None:
    for task in work:
        task.cancel()
    await asyncio.gather(*work, return_exceptions=True)
