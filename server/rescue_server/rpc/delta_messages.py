"""The deltas of watches as bytes: an update is translated and serialized once, however many consoles get it.

gRPC would serialize a message for each console. Here all watches of the same update write the same bytes. Only the
latest are kept: a console that reads late costs a translation of its own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import cast

from google.protobuf.message import Message

from rescue_protos.v1 import console_pb2 as pb
from rescue_server.rpc import translate
from rescue_server.rpc.wire import field
from rescue_server.runtime.watch import Revised

KEPT = 256  # deltas

_DELTA = pb.WatchQueueResponse.DELTA_FIELD_NUMBER
_DELTAS = pb.WatchQueueResponse.DELTAS_FIELD_NUMBER
_EACH = field(pb.QueueDeltas.DELTAS_FIELD_NUMBER, b"")[:1]


class DeltaMessages:
    """Makes the messages of what watches have taken, and keeps the latest deltas for others."""

    def __init__(self, kept: int = KEPT) -> None:
        self._most = kept
        self._kept: OrderedDict[Revised, bytes] = OrderedDict()

    def of(self, taken: Sequence[Revised]) -> pb.WatchQueueResponse:
        """Return the message of these updates. It is bytes, which the guard lets pass in place of a message."""
        if len(taken) == 1:
            content = self._kept.get(taken[0]) or self._translated(taken[0])
        else:
            # A delta alone differs from one of several in its tag.
            parts = (self._kept.get(revised) or self._translated(revised) for revised in taken)
            content = field(_DELTAS, b"".join(_EACH + part[1:] for part in parts))
        return cast("pb.WatchQueueResponse", content)

    def _translated(self, revised: Revised) -> bytes:
        delta: Message = translate.delta(revised)
        message = self._kept[revised] = field(_DELTA, delta.SerializeToString())
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        return message
