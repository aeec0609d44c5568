"""A server of a cluster as a program: term after term, until a signal comes."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from dataclasses import replace

from rescue_common.private_files import make_private, remove_unfinished
from rescue_common.state_directory import NoAccess
from rescue_server.app import stop_signal
from rescue_server.cluster.announcement import Announcement
from rescue_server.cluster.link import NotAdmitted
from rescue_server.cluster.local_store import begin_with_backup, open_replica
from rescue_server.cluster.options import CannotJoin, ClusterOptions
from rescue_server.cluster.proofs import BadKey, fingerprint
from rescue_server.cluster.term import Setting, open_term
from rescue_server.replicated.engines import open_log
from rescue_server.replicated.log import Log, LogError, LogTrimmed, LogUnavailable
from rescue_server.replicated.store import ReplicatedStore
from rescue_server.runtime.admission import Admission
from rescue_server.runtime.checkpoint import Checkpoints
from rescue_server.runtime.credentials import derive_companion_key
from rescue_server.startup import garbage
from rescue_server.startup.companions import companions
from rescue_server.startup.options import ServerOptions
from rescue_server.store.checkpoint_file import CheckpointFile
from rescue_server.store.directory import DirectoryLock
from rescue_server.store.files import STORE_FILE

CANNOT = (CannotJoin, BadKey, NotAdmitted, LogError, NoAccess)
"""What a server of a cluster ends with, beside what every server does. Each says what to do in one line."""

_RETRY = 0.5  # real seconds, while the log cannot be read between two terms


def serve_member(options: ServerOptions, cluster: ClusterOptions) -> None:
    """Run the server until SIGTERM or SIGINT.

    Raises CannotJoin, BadKey, NotAdmitted, LogError, StoreError, RescueError or CannotListen if it cannot go on.
    """
    key = cluster.read_key()
    for note in make_private(options.data):
        print(f"rescue server: {note}", file=sys.stderr)
    with DirectoryLock(options.data):
        remove_unfinished(options.data)
        log = open_log(cluster.log, credentials=cluster.credentials, ca=cluster.ca, try_for=cluster.try_for)
        with contextlib.closing(log):
            _restore(options, cluster, log, fingerprint(key))
            announcement = Announcement(as_json=options.as_json)
            setting = Setting(
                options=options,
                cluster=cluster,
                key=key,
                log=log,
                admission=Admission.by(key, companion_key=derive_companion_key(key)),
                show=announcement.show,
                measured_at=announcement.measured_at,
            )
            asyncio.run(_run(setting, announcement))


def _restore(options: ServerOptions, cluster: ClusterOptions, log: Log, key: str) -> None:
    if options.restore is not None:
        kept = begin_with_backup(log, options.restore, options.data, key=key, cluster=cluster.log.name)
        if kept is not None:
            print(f"rescue server: the store that was replaced is {kept}", file=sys.stderr)


async def _run(setting: Setting, announcement: Announcement) -> None:
    """Run the terms, and beside them all the companions."""
    stop = stop_signal()
    beside = asyncio.create_task(_run_companions(setting, announcement))
    beside.add_done_callback(lambda _: stop.set())
    try:
        await _Terms(setting).run(stop)
    finally:
        beside.cancel()
        await asyncio.wait([beside])
    if not beside.cancelled():
        beside.result()


async def _run_companions(setting: Setting, announcement: Announcement) -> None:
    """Run them as soon as clients find this server, until cancelled. Raises NoCompanion, CannotMakeCertificates."""
    await announcement.is_known.wait()
    key, cluster = setting.admission.tokens.companion_key, fingerprint(setting.key)
    async with companions(setting.options, key=key, cluster=cluster) as urls:
        announcement.send(urls)
        await asyncio.Event().wait()


class _Terms:
    """The terms of one server. Nothing but the setting is left of one that has ended."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self._is_first = True

    async def run(self, stop: asyncio.Event) -> None:
        """Run term after term, until a signal comes."""
        file = CheckpointFile(self._setting.options.data / STORE_FILE)
        checkpoints = Checkpoints(file.take())
        garbage.postpone()
        while not stop.is_set():
            try:
                await self._run_one(stop, checkpoints)
            except LogTrimmed:
                self._is_first = False  # it fell far behind: the next term begins with a snapshot
            except LogUnavailable:
                if self._is_first:
                    raise
                await asyncio.sleep(_RETRY)
            if not stop.is_set():
                checkpoints = Checkpoints()
                garbage.begin_anew()
        if (content := checkpoints.content()) is not None:
            file.write(content)

    async def _run_one(self, stop: asyncio.Event, checkpoints: Checkpoints) -> None:
        setting, deposed = self._setting, asyncio.Event()
        store = await _open_store(setting, deposed, checked=checkpoints.found is not None)
        if self._is_first:
            _check_organization(setting, store)
        async with open_term(setting, store, deposed=deposed, checkpoints=checkpoints) as term:
            self._setting, self._is_first = replace(setting, options=term.listening), False
            await term.run(stop)


def _check_organization(setting: Setting, store: ReplicatedStore) -> None:
    """Refuse a file of an organization that would not be read. Raises CannotJoin."""
    if setting.options.organization is not None and store.last_revision() > 0:
        store.close()
        raise CannotJoin(
            f"the cluster {setting.cluster.log.name!r} has an organization already: leave --organization out, "
            "or take another cluster name"
        )


async def _open_store(setting: Setting, deposed: asyncio.Event, *, checked: bool) -> ReplicatedStore:
    loop = asyncio.get_running_loop()

    def on_deposed() -> None:
        loop.call_soon_threadsafe(deposed.set)

    return await asyncio.to_thread(
        open_replica,
        setting.log,
        setting.options.data / STORE_FILE,
        key=fingerprint(setting.key),
        cluster=setting.cluster.log.name,
        on_deposed=on_deposed,
        checked=checked,
    )
