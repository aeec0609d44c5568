"""The log on NATS JetStream: a stream of one subject, whose sequence numbers are the positions.

A message is appended under the condition that the stream's last one is the expected one. NATS's own de-duplication is
not used: it comes after that check. Reads go to the stream's leader, never to a replica that may be behind.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import threading
import time
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error, NoRespondersError
from nats.js import JetStreamContext, api
from nats.js.errors import APIError, BucketNotFoundError, NotFoundError, ServiceUnavailableError

from rescue_server.replicated.credentials import nats_credentials
from rescue_server.replicated.log import (
    PATIENCE,
    Doubtful,
    EngineNode,
    LogEntry,
    LogTrimmed,
    LogUnavailable,
    LogUnusable,
    append_surely,
)

T = TypeVar("T")
log = logging.getLogger(__name__)

WITHIN = 10.0  # real seconds for the engine to answer at the start
_ATTEMPT = 2.0  # real seconds for one attempt to append
_CALL = 3.0  # real seconds for any other call
_RECORD_ID = "Rescue-Record"
_AT_ONCE = 64  # records asked for at the same time
_SOON = 0.25  # real seconds after news in which the record may still be on its way to be stored
_SNAPSHOTS_KEPT = 2
_SYNCS_SINCE = (2, 10)  # the version of nats-server
_NO_MESSAGE, _NO_STREAM = 10037, 10059
_TOO_FEW_NODES = {10005, 10074}  # of JetStream: no peers to place the stream on, replicas in a server alone
_JETSTREAM_OFF = {10035, 10039, 10076}
_JETSTREAM_IS_OFF = "JetStream is off there: start nats-server with -js or `jetstream {}`"


@dataclass(frozen=True, slots=True, kw_only=True)
class NatsAccess:
    """How to reach the engine: `addresses` as HOST:PORT; a file of credentials or none; TLS settings or none."""

    addresses: tuple[str, ...]
    credentials: Path | None = None
    tls: ssl.SSLContext | None = None


class NatsLog:
    """Implements `Log` on NATS. Use `open`."""

    def __init__(self, access: NatsAccess, name: str, *, try_for: float) -> None:
        self._access = access
        self._stream = f"RESCUE_{name}"
        self._subject = f"rescue.{name}.log"
        self._bucket = f"RESCUE_{name}_SNAPSHOTS"
        self._replicas = 1 if len(access.addresses) == 1 else 3
        self._patience = try_for
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="nats", daemon=True)
        self._client = Client()
        self._news = threading.Condition()
        self._on_way: dict[str, float] = {}  # when each record was heard of that was not read since
        self._pause = _SOON
        self._closed = False
        self._is_refused = False

    @classmethod
    def open(cls, access: NatsAccess, name: str, *, try_for: float = PATIENCE, within: float = WITHIN) -> NatsLog:
        """Connect, and make the stream if it is not there. Raises LogUnavailable, LogUnusable."""
        credentials = nats_credentials(access.credentials)
        opened = cls(access, name, try_for=try_for)
        opened._thread.start()
        try:
            opened._call(opened._connect(within, credentials), within + 1)
            opened._call(opened._prepare(within), within + 1)
        except BaseException:
            opened.close()
            raise
        return opened

    # The log

    def append(self, expected: int, record: bytes, id: str) -> int:
        """See `Log.append`."""
        return append_surely(
            lambda: self._call(self._publish(expected, record, id), _ATTEMPT + 1),
            lambda: next(iter(self.read(expected, 1)), None),
            expected=expected,
            id=id,
            try_for=self._patience,
        )

    def read(self, after: int, limit: int) -> list[LogEntry]:
        """See `Log.read`."""
        return self._call(self._read(after, limit), _CALL + 1)

    def wait(self, after: int, timeout: float) -> None:
        """See `Log.wait`. A record is heard of before it is stored, so for a moment the wait is short."""
        with self._news:
            if self._closed:
                return
            self._forget_refused()
            if self._on_way:
                self._news.wait(min(self._pause, timeout))
                self._pause *= 2
            else:
                self._news.wait(timeout)

    def tail(self) -> int:
        """See `Log.tail`."""
        return self._call(self._state(), _CALL + 1)[1]

    def first(self) -> int:
        """See `Log.first`."""
        return self._call(self._state(), _CALL + 1)[0]

    def trim(self, through: int) -> None:
        """See `Log.trim`."""
        if through > 0:
            self._call(self._jetstream().purge_stream(self._stream, seq=through + 1), _CALL + 1)

    def put_snapshot(self, position: int, file: Path) -> None:
        """See `Log.put_snapshot`."""
        self._call(self._put_snapshot(position, file), 120.0)

    def get_snapshot(self, target: Path) -> int | None:
        """See `Log.get_snapshot`."""
        return self._call(self._get_snapshot(target), 120.0)

    def snapshots(self) -> list[int]:
        """See `Log.snapshots`."""
        return [int(name) for name in self._call(self._snapshots(), _CALL + 1)]

    def nodes(self) -> list[EngineNode]:
        """See `Log.nodes`."""
        return self._call(self._nodes(), _CALL + 1)

    def close(self) -> None:
        """See `Log.close`."""
        with self._news:
            if self._closed:
                return
            self._closed = True
            self._news.notify_all()
        if self._thread.is_alive():
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(5.0)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
        self._loop.close()

    # In the thread of NATS

    async def _connect(self, within: float, credentials: dict[str, Any]) -> None:
        scheme = "tls" if self._access.tls else "nats"
        servers = [f"{scheme}://{address}" for address in self._access.addresses]
        try:
            async with asyncio.timeout(within):  # it would try for ever
                await self._client.connect(
                    servers,
                    name="rescue server",
                    connect_timeout=2,
                    reconnect_time_wait=0.1,  # type: ignore[arg-type]  # real seconds, any number
                    max_reconnect_attempts=-1,
                    ping_interval=2,
                    max_outstanding_pings=2,
                    error_cb=self._note,
                    tls=self._access.tls,
                    **credentials,
                )
        except (TimeoutError, OSError, Error) as error:
            if self._is_refused:
                raise LogUnusable(
                    "NATS does not let this server in: give --cluster-credentials FILE with who may use it"
                ) from error
            where = ", ".join(servers)
            why = f" ({error})" if str(error) else ""
            raise LogUnavailable(
                f"none of {where} answers{why}: start it, or let `rescue cluster` start everything here"
            ) from error
        version = self._client.connected_server_version
        if (version.major, version.minor) < _SYNCS_SINCE:
            log.warning(
                "this nats-server (%s.%s) is older than 2.10 and has no `sync_interval: always`: "
                "if machines lose power, what was acknowledged can be lost",
                *(version.major, version.minor),
            )
        await self._client.subscribe(self._subject, cb=self._heard)

    async def _prepare(self, within: float) -> None:
        """Make the stream, or check the one that is there. Right after its start an engine has no leader yet."""
        give_up = time.monotonic() + within
        while True:
            try:
                await self._make_or_check()
            except LogUnavailable:
                if time.monotonic() > give_up:
                    raise
                await asyncio.sleep(0.1)
            else:
                return

    async def _make_or_check(self) -> None:
        jetstream = self._jetstream()
        wanted = api.StreamConfig(
            name=self._stream,
            subjects=[self._subject],
            storage=api.StorageType.FILE,
            num_replicas=self._replicas,
            discard=api.DiscardPolicy.NEW,
            max_age=0,
            max_msgs=-1,
            max_bytes=-1,
            allow_direct=False,
            duplicate_window=1,
        )
        try:
            try:
                found = (await jetstream.stream_info(self._stream)).config
            except NotFoundError:
                await jetstream.add_stream(wanted)
                return
        except APIError as error:
            if error.err_code in _TOO_FEW_NODES:
                raise LogUnusable(
                    f"the engine has fewer nodes than the {self._replicas} that its addresses promise: start them all"
                ) from error
            if error.err_code in _JETSTREAM_OFF:
                raise LogUnusable(_JETSTREAM_IS_OFF) from error
            if isinstance(error, ServiceUnavailableError) and error.err_code is None:  # nobody listens to such requests
                alone = len(self._access.addresses) == 1  # nodes that find each other may answer later
                raise (LogUnusable if alone else LogUnavailable)(_JETSTREAM_IS_OFF) from error
            raise LogUnavailable(f"the engine is not ready: {error.description or error}") from error
        except (TimeoutError, Error) as error:
            raise LogUnavailable(f"the engine is not ready: {error}") from error
        differs = [
            name
            for name in ("subjects", "storage", "discard", "max_age", "max_msgs", "max_bytes", "allow_direct")
            if (getattr(found, name) or None) != (getattr(wanted, name) or None)
        ]
        if found.num_replicas != self._replicas and len(self._access.addresses) > 1:
            differs.append("num_replicas")
        if differs:
            raise LogUnusable(
                f"the stream {self._stream} is there with other settings ({', '.join(differs)}): "
                "take another cluster name, or remove that stream"
            )

    async def _publish(self, expected: int, record: bytes, id: str) -> int:
        headers = {api.Header.EXPECTED_LAST_SEQUENCE: str(expected), _RECORD_ID: id}
        try:
            ack = await self._jetstream().publish(self._subject, record, timeout=_ATTEMPT, headers=headers)
        except (TimeoutError, Error, OSError) as error:  # what became of it, the stream itself tells
            raise Doubtful from error
        return ack.seq

    async def _read(self, after: int, limit: int) -> list[LogEntry]:
        found: list[LogEntry] = []
        wanted = 1
        while len(found) < limit:
            begin = after + 1 + len(found)
            many = range(begin, begin + min(wanted, limit - len(found)))
            batch = await asyncio.gather(*(self._get(position) for position in many))
            there = [entry for entry in batch if entry is not None]
            found += there[: next((n for n, entry in enumerate(batch) if entry is None), len(batch))]
            if len(there) < len(batch):
                break
            wanted = min(2 * wanted, _AT_ONCE)  # who follows closely finds one or two, and each miss costs as much
        if not found and (first := (await self._state())[0]) > after + 1:
            raise LogTrimmed(first)
        with self._news:
            for entry in found:
                self._on_way.pop(entry.id, None)
        return found

    async def _get(self, position: int) -> LogEntry | None:
        try:
            message = await self._jetstream().get_msg(self._stream, position)
        except APIError as error:
            if error.err_code in (_NO_MESSAGE, _NO_STREAM):
                return None
            raise
        id = (message.headers or {}).get(_RECORD_ID, "")
        return LogEntry(position=position, id=id, record=message.data or b"")

    async def _state(self) -> tuple[int, int]:
        """Return the first position that is kept, and the last."""
        try:
            state = (await self._jetstream().stream_info(self._stream)).state
        except NotFoundError:
            return 1, 0  # the engine has lost everything: a log that was set back
        return (state.first_seq if state.messages else state.last_seq + 1), state.last_seq

    async def _nodes(self) -> list[EngineNode]:
        cluster = (await self._jetstream().stream_info(self._stream)).cluster
        if cluster is None:
            return [EngineNode(name=self._access.addresses[0], role="leader")]  # a node alone
        replicas = cluster.replicas or []
        found = [EngineNode(name=one.name or "", role="lost" if one.offline else "follower") for one in replicas]
        if cluster.leader:
            found.append(EngineNode(name=cluster.leader, role="leader"))
        return sorted(found, key=lambda node: node.name)

    async def _put_snapshot(self, position: int, file: Path) -> None:
        try:
            bucket = await self._jetstream().object_store(self._bucket)
        except BucketNotFoundError:
            config = api.ObjectStoreConfig(bucket=self._bucket, replicas=self._replicas)
            bucket = await self._jetstream().create_object_store(self._bucket, config=config)
        await bucket.put(_snapshot_name(position), await asyncio.to_thread(file.read_bytes))
        for old in (await self._snapshots())[:-_SNAPSHOTS_KEPT]:
            await bucket.delete(old)

    async def _get_snapshot(self, target: Path) -> int | None:
        if not (names := await self._snapshots()):
            return None
        bucket = await self._jetstream().object_store(self._bucket)
        found = await bucket.get(names[-1])
        await asyncio.to_thread(target.write_bytes, found.data or b"")
        return int(names[-1])

    async def _snapshots(self) -> list[str]:
        """Return the names of the snapshots, oldest first."""
        try:
            bucket = await self._jetstream().object_store(self._bucket)
            return sorted(one.name for one in await bucket.list(ignore_deletes=True) if one.name and not one.deleted)
        except (BucketNotFoundError, NotFoundError):
            return []

    async def _note(self, error: Exception) -> None:
        log.info("nats: %s", error or type(error).__name__)
        if "authorization violation" in str(error).lower():  # the client has no class for what a node says
            self._is_refused = True

    async def _heard(self, message: Msg) -> None:
        with self._news:
            self._forget_refused()
            self._on_way[(message.headers or {}).get(_RECORD_ID, "")] = time.monotonic()
            self._pause = 0.001
            self._news.notify_all()

    def _forget_refused(self) -> None:
        """Expect no record any more that was heard of and did not come soon: it was refused."""
        while self._on_way and time.monotonic() - next(iter(self._on_way.values())) > _SOON:
            self._on_way.pop(next(iter(self._on_way)))

    async def _end(self) -> None:
        await self._client.close()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    def _jetstream(self) -> JetStreamContext:
        return self._client.jetstream(timeout=_CALL)

    def _call(self, work: Coroutine[Any, Any, T], within: float) -> T:
        """Run this in the thread of NATS, and wait for it."""
        if self._closed:
            work.close()
            raise LogUnavailable("the connection to the engine is closed")
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return running.result(within)
        except ServiceUnavailableError as error:
            raise LogUnavailable("the engine has no leader at the moment") from error
        except (TimeoutError, NoRespondersError, Error, OSError) as error:
            running.cancel()
            raise LogUnavailable(f"the engine does not answer: {error or type(error).__name__}") from error


def tls_of(ca: Path | None) -> ssl.SSLContext | None:
    """Return the settings with which a connection trusts this CA; None without TLS. Raises LogUnusable."""
    if ca is None:
        return None
    try:
        return ssl.create_default_context(cafile=ca)
    except ssl.SSLError as error:
        raise LogUnusable(f"{ca} is no CA: {error.reason or error}") from error


def _snapshot_name(position: int) -> str:
    return f"{position:016d}"
