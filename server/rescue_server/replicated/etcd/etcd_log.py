"""The log on etcd: a key for each entry, and one for the position of the last.

An entry is put in a transaction that compares the position of the last one. Reads are linearizable.
"""

from __future__ import annotations

import contextlib
import threading
import time
from pathlib import Path
from typing import TypeVar

from google.protobuf.message import Message

from rescue_server.replicated.etcd import etcd_pb2
from rescue_server.replicated.etcd.calls import EtcdAccess, EtcdCalls
from rescue_server.replicated.log import (
    PATIENCE,
    Doubtful,
    EngineNode,
    LogEntry,
    LogTrimmed,
    LogUnavailable,
    append_surely,
)

Reply = TypeVar("Reply", bound=Message)

WITHIN = 10.0  # real seconds for the engine to answer at the start
_ATTEMPT = 0.4  # real seconds for one attempt to append: below the engine's own election
_CALL = 3.0  # real seconds for any other call, over all attempts
_PAUSE = 0.05  # real seconds between attempts
_PIECE = 1_000_000  # bytes of a snapshot in one key
_SNAPSHOTS_KEPT = 2


class EtcdLog:
    """Implements `Log` on etcd. Use `open`."""

    def __init__(self, access: EtcdAccess, name: str, *, try_for: float) -> None:
        self._calls = EtcdCalls(access)
        self._root = f"/rescue/{name}"
        self._head = f"{self._root}/head".encode()
        self._patience = try_for
        self._addresses = access.addresses
        self._news = threading.Condition()
        self._known_tail = 0
        self._closed = False
        self._watching = threading.Thread(target=self._watch, name="etcd watch", daemon=True)

    @classmethod
    def open(cls, access: EtcdAccess, name: str, *, try_for: float = PATIENCE, within: float = WITHIN) -> EtcdLog:
        """Connect. Raises LogUnavailable, LogUnusable."""
        opened = cls(access, name, try_for=try_for)
        try:
            opened._find(within)
        except BaseException:
            opened.close()
            raise
        opened._watching.start()
        return opened

    def append(self, expected: int, record: bytes, id: str) -> int:
        """See `Log.append`."""
        return append_surely(
            lambda: self._put(expected, record, id),
            lambda: next(iter(self.read(expected, 1)), None),
            expected=expected,
            id=id,
            try_for=self._patience,
        )

    def read(self, after: int, limit: int) -> list[LogEntry]:
        """See `Log.read`."""
        found = self._range(self._key(after + 1), self._end("log/"), limit)
        entries = [_entry(pair) for pair in found.kvs]
        if entries and entries[0].position != after + 1:
            raise LogTrimmed(entries[0].position)
        return entries

    def wait(self, after: int, timeout: float) -> None:
        """See `Log.wait`."""
        with self._news:
            self._news.wait_for(lambda: self._closed or self._known_tail > after, timeout)

    def tail(self) -> int:
        """See `Log.tail`."""
        found = self._range(self._head, b"", 1)
        return int(found.kvs[0].value) if found.kvs else 0

    def first(self) -> int:
        """See `Log.first`."""
        found = self._range(self._key(0), self._end("log/"), 1, keys_only=True)
        return _position(found.kvs[0].key) if found.kvs else self.tail() + 1

    def trim(self, through: int) -> None:
        """See `Log.trim`. Drops what etcd remembers of earlier times as well."""
        request = etcd_pb2.DeleteRangeRequest(key=self._key(0), range_end=self._key(through + 1))
        reply = self._repeat("KV/DeleteRange", request, etcd_pb2.DeleteRangeResponse)
        compaction = etcd_pb2.CompactionRequest(revision=reply.header.revision)
        with contextlib.suppress(LogUnavailable):  # it was done before, or the next trim does it
            self._calls.call("KV/Compact", compaction, etcd_pb2.CompactionResponse, _CALL)

    def put_snapshot(self, position: int, file: Path) -> None:
        """See `Log.put_snapshot`. What names the snapshot is put last."""
        content = file.read_bytes()
        pieces = [content[start : start + _PIECE] for start in range(0, len(content), _PIECE)]
        for number, piece in enumerate(pieces):
            self._set(self._piece(position, number), piece)
        self._set(self._name(f"snapshots/{position:016d}"), str(len(pieces)).encode())
        for old, _ in self._snapshots()[:-_SNAPSHOTS_KEPT]:
            self._delete(self._name(f"snapshots/{old:016d}"), b"")
            self._delete(self._piece(old, 0), self._piece(old + 1, 0))

    def get_snapshot(self, target: Path) -> int | None:
        """See `Log.get_snapshot`."""
        if not (known := self._snapshots()):
            return None
        position, pieces = known[-1]
        with target.open("wb") as file:
            for number in range(pieces):
                file.write(self._range(self._piece(position, number), b"", 1).kvs[0].value)
        return position

    def snapshots(self) -> list[int]:
        """See `Log.snapshots`."""
        return [position for position, _ in self._snapshots()]

    def nodes(self) -> list[EngineNode]:
        """See `Log.nodes`."""
        answers = {address: self._calls.status(address, _ATTEMPT) for address in self._addresses}
        return [EngineNode(name=address, role=_role(answer)) for address, answer in sorted(answers.items())]

    def close(self) -> None:
        """See `Log.close`."""
        with self._news:
            self._closed = True
            self._news.notify_all()
        self._calls.close()
        if self._watching.is_alive():
            self._watching.join()

    # Calls

    def _find(self, within: float) -> None:
        """Wait until a node answers."""
        give_up = time.monotonic() + within
        while True:
            try:
                self._calls.sign_in(1.0)
                request = etcd_pb2.RangeRequest(key=self._head, limit=1)
                self._calls.call("KV/Range", request, etcd_pb2.RangeResponse, 1.0)
            except LogUnavailable as error:
                if time.monotonic() > give_up:
                    where = ", ".join(f"etcd://{address}" for address in self._addresses)
                    raise LogUnavailable(
                        f"none of {where} answers ({error}): start it, or let `rescue cluster` start everything here"
                    ) from error
                time.sleep(_PAUSE)
            else:
                return

    def _put(self, expected: int, record: bytes, id: str) -> int:
        put, compare = etcd_pb2.PutRequest, etcd_pb2.Compare(key=self._head)
        if expected:
            compare.target, compare.value = etcd_pb2.Compare.VALUE, str(expected).encode()
        else:
            compare.target, compare.version = etcd_pb2.Compare.VERSION, 0
        head = put(key=self._head, value=str(expected + 1).encode())
        entry = put(key=self._key(expected + 1), value=f"{id}\n".encode() + record)
        success = [etcd_pb2.RequestOp(request_put=one) for one in (head, entry)]
        request = etcd_pb2.TxnRequest(compare=[compare], success=success)
        try:
            reply = self._calls.call("KV/Txn", request, etcd_pb2.TxnResponse, _ATTEMPT)
        except LogUnavailable as error:
            raise Doubtful from error
        if not reply.succeeded:
            raise Doubtful  # perhaps by an earlier attempt of this very append
        return expected + 1

    def _range(self, key: bytes, end: bytes, limit: int, *, keys_only: bool = False) -> etcd_pb2.RangeResponse:
        request = etcd_pb2.RangeRequest(key=key, range_end=end, limit=limit, keys_only=keys_only)
        return self._repeat("KV/Range", request, etcd_pb2.RangeResponse)

    def _set(self, key: bytes, value: bytes) -> None:
        put = etcd_pb2.RequestOp(request_put=etcd_pb2.PutRequest(key=key, value=value))
        self._repeat("KV/Txn", etcd_pb2.TxnRequest(success=[put]), etcd_pb2.TxnResponse)

    def _delete(self, key: bytes, end: bytes) -> None:
        request = etcd_pb2.DeleteRangeRequest(key=key, range_end=end)
        self._repeat("KV/DeleteRange", request, etcd_pb2.DeleteRangeResponse)

    def _repeat(self, method: str, request: Message, reply: type[Reply]) -> Reply:
        """Make a call that may be made twice, at the next node after a failure."""
        give_up = time.monotonic() + _CALL
        while True:
            try:
                return self._calls.call(method, request, reply, _CALL / 3)
            except LogUnavailable:
                if self._closed or time.monotonic() > give_up:
                    raise
                time.sleep(_PAUSE)

    def _snapshots(self) -> list[tuple[int, int]]:
        """Return the positions of the snapshots and how many pieces each has, oldest first."""
        found = self._range(self._name("snapshots/"), self._end("snapshots/"), 0)
        return [(_position(pair.key), int(pair.value)) for pair in found.kvs]

    # Names of keys

    def _name(self, rest: str) -> bytes:
        return f"{self._root}/{rest}".encode()

    def _end(self, folder: str) -> bytes:
        """Return what comes after every key of a folder."""
        return f"{self._root}/{folder[:-1]}0".encode()

    def _key(self, position: int) -> bytes:
        return self._name(f"log/{position:016d}")

    def _piece(self, position: int, number: int) -> bytes:
        return self._name(f"pieces/{position:016d}/{number:06d}")

    # News

    def _watch(self) -> None:
        """Notice how far the log has grown, until the connection is closed."""
        while not self._closed:
            try:
                for response in self._calls.watch(self._head):
                    tails = [int(event.kv.value) for event in response.events]
                    # What came before the watch began is no event of it.
                    self._notice(self.tail() if response.created else max(tails, default=0))
            except LogUnavailable:
                time.sleep(_PAUSE)

    def _notice(self, tail: int) -> None:
        with self._news:
            self._known_tail = max(self._known_tail, tail)
            self._news.notify_all()


def _position(key: bytes) -> int:
    return int(key.rpartition(b"/")[2])


def _role(answer: etcd_pb2.StatusResponse | None) -> str:
    if answer is None:
        return "lost"
    return "leader" if answer.leader == answer.header.member_id else "follower"


def _entry(pair: etcd_pb2.KeyValue) -> LogEntry:
    id, _, record = pair.value.partition(b"\n")
    return LogEntry(position=_position(pair.key), id=id.decode(), record=record)
