"""The local file of a server at its start: as the log says, from a snapshot, or new."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from pathlib import Path

from rescue_server.cluster.options import CannotJoin
from rescue_server.cluster.snapshots import get_snapshot, put_snapshot
from rescue_server.replicated.log import Log, LogTrimmed, Moved
from rescue_server.replicated.memory_log import MemoryLog
from rescue_server.replicated.records import Begin
from rescue_server.replicated.store import Deposed, ReplicatedStore
from rescue_server.store.files import STORE_FILE, clear_leftovers, sidecar
from rescue_server.store.restoration import restore
from rescue_server.store.sqlite import SqliteStore


def open_replica(
    log: Log, path: Path, *, key: str, cluster: str, on_deposed: Callable[[], None], checked: bool = False
) -> ReplicatedStore:
    """Open the local store and bring it to the end of the log; begin the log if it is empty.

    `key` is the fingerprint of the cluster's key. Raises CannotJoin, LogMismatch, LogUnavailable, StoreError.
    """
    store = _open(log, path, on_deposed, checked=checked)
    try:
        if not store.place.position and store.last_revision():
            raise CannotJoin(
                f"{path} is the store of a server alone: begin a cluster with a backup of it (`rescue server backup "
                "FILE`, then --cluster … --restore FILE), or choose another directory with --data"
            )
        try:
            store.check()
            catch_up(store)
        except LogTrimmed:
            store.close()
            _take_snapshot(log, path, cluster)
            store = _open(log, path, on_deposed)
            catch_up(store)
        if not store.place.position:
            with contextlib.suppress(Deposed):  # another server was faster
                store.begin(Begin(cluster=secrets.token_hex(8), key=key))
            catch_up(store)
        if store.place.key != key:
            raise CannotJoin(
                f"the cluster {cluster!r} has another key: give this server the same file as the others, "
                "with --cluster-key FILE"
            )
    except BaseException:
        store.close()
        raise
    return store


def begin_with_backup(log: Log, backup: Path, data: Path, *, key: str, cluster: str) -> Path | None:
    """Begin the log with a backup, which becomes the local store and the first snapshot.

    The snapshot is put before the first record: whoever finds the record finds the snapshot, and a restore that was
    interrupted before has left nothing that keeps it from being done again. Returns the new path of the local store
    that was replaced, if there was one. Raises CannotJoin, BackupUnusable, LogUnavailable, StoreError.
    """
    taken = CannotJoin(f"the log of the cluster {cluster!r} exists: --restore begins a new one, so take another name")
    if log.tail():
        raise taken
    kept = restore(backup, data)
    planned = MemoryLog()
    with contextlib.closing(_open(planned, data / STORE_FILE, lambda: None)) as store:
        last = store.identity().last_session
        store.begin(Begin(cluster=secrets.token_hex(8), key=key, last_session=last, restored=True))
    put_snapshot(log, data)
    try:
        for entry in planned.read(0, planned.tail()):
            log.append(entry.position - 1, entry.record, entry.id)
    except Moved as error:
        raise taken from error
    return kept


def catch_up(store: ReplicatedStore) -> None:
    """Apply all that is in the log. Raises LogTrimmed, LogMismatch, LogUnavailable, StoreError."""
    while store.catch_up() or store.lag() > 0:
        pass


def _open(log: Log, path: Path, on_deposed: Callable[[], None], *, checked: bool = False) -> ReplicatedStore:
    local = SqliteStore.open(path, checked=checked, synced=False)
    try:
        return ReplicatedStore(log, local, on_deposed=on_deposed)
    except BaseException:
        local.close()
        raise


def _take_snapshot(log: Log, path: Path, cluster: str) -> None:
    """Replace the local file, which is older than the log, by the latest snapshot."""
    fresh = sidecar(path, ".new")
    clear_leftovers(path)
    if not get_snapshot(log, fresh):
        raise CannotJoin(
            f"the log of the cluster {cluster!r} does not begin at its first record, and there is no snapshot: "
            "copy the state directory of another server"
        )
    SqliteStore.open(fresh).close()  # checks every row
    for suffix in ("-wal", "-shm"):
        sidecar(path, suffix).unlink(missing_ok=True)
    fresh.replace(path)
