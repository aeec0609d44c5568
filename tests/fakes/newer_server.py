"""A server of tomorrow: each message it sends has a value, a kind or a field that today's contract does not know.

Its messages are made from the contract's descriptors, so that a new enum field is sent an unknown value without a
change here. It answers every call; it decides nothing.
"""

from __future__ import annotations

import asyncio
import importlib
import pkgutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor, OneofDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from rescue_protos import v1
from rescue_protos.v1 import console_pb2
from tests.fakes.scripted_server import Context, ScriptedServer

UNKNOWN = 1000
"""A value that no enum of the contract has."""

_FIRST = 2  # the revision of the first message of a stream; the client begins below it
_UNKNOWN_FIELD = b"\xf8\xf0\x04\x01"  # field 9999, a varint
_TEXTS = {"session": "1001", "stream": "1001", "technician": "alice", "body": '{"type": "Teleported"}'}

Unknown = FieldDescriptor | OneofDescriptor
Route = tuple[Unknown, ...]
"""The fields from a message down to the enum field, or to the oneof, that has something unknown."""


def methods() -> Iterator[MethodDescriptor]:
    """Yield every method of the contract."""
    for found in pkgutil.iter_modules(v1.__path__):
        if found.name.endswith("_pb2"):
            module = importlib.import_module(f"{v1.__name__}.{found.name}")
            for service in module.DESCRIPTOR.services_by_name.values():
                yield from service.methods


def routes(message: Descriptor) -> Iterator[Route]:
    """Yield the way to each enum field and each oneof of a message and of the messages in it."""
    for oneof in message.oneofs:
        if len(oneof.fields) > 1:  # a lone field is an optional one
            yield (oneof,)
    for field in message.fields:
        if field.enum_type is not None:
            yield (field,)
        elif field.message_type is not None and not field.message_type.GetOptions().map_entry:
            yield from ((field, *rest) for rest in routes(field.message_type))


def message_with(unknown: Route, message: Descriptor) -> Any:
    """Return a message in which all fields are set, and the last one of the route is unknown to today's contract."""
    made = GetMessageClass(message)()
    first, rest = (unknown[0], unknown[1:]) if unknown else (None, ())
    for field in message.fields:
        if field is first:
            _set(made, field, rest, is_unknown=not rest)
        elif field.containing_oneof is None or _is_default(field, first):
            _set(made, field, (), is_unknown=False)
    made.MergeFromString(_UNKNOWN_FIELD)
    return made


def _is_default(field: FieldDescriptor, unknown: Unknown | None) -> bool:
    """Return whether a field of a oneof is to be set: its first one, unless another or none is wanted."""
    oneof = field.containing_oneof
    if oneof is None or (unknown is not None and oneof in (unknown, getattr(unknown, "containing_oneof", None))):
        return False
    return bool(field is oneof.fields[0])


def _set(made: Message, field: FieldDescriptor, rest: Route, *, is_unknown: bool) -> None:
    value: Any
    if field.message_type is not None and field.message_type.GetOptions().map_entry:
        getattr(made, field.name)["teleported"] = "yes"
        return
    if field.message_type is not None:
        value = message_with(rest, field.message_type)
    elif field.enum_type is not None:
        value = UNKNOWN if is_unknown else 1
    elif field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        value = _TEXTS.get(field.name, "future")
        value = value.encode() if field.type == FieldDescriptor.TYPE_BYTES else value
    else:
        value = 1
    if field.is_repeated:
        getattr(made, field.name).append(value)
    elif isinstance(value, Message):
        getattr(made, field.name).CopyFrom(value)
    else:
        setattr(made, field.name, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One thing that is unknown in the answer of one method."""

    method: MethodDescriptor
    unknown: Route

    def __str__(self) -> str:
        return f"{self.method.name}:{'.'.join(one.name for one in self.unknown)}"

    def answer(self) -> Any:
        return message_with(self.unknown, self.method.output_type)


def cases() -> tuple[Case, ...]:
    """Return every unknown thing that an answer can have."""
    return tuple(Case(method=method, unknown=unknown) for method in methods() for unknown in routes(method.output_type))


class NewerServer(ScriptedServer):
    """Answers each method with what `answers` has for it, a stream with all of them, and else with known values."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: dict[str, list[Any]] = {}

    def send_everything_unknown(self) -> None:
        """Let each stream send all unknown things, and each other call all in one message."""
        for case in cases():
            self.answers.setdefault(case.method.name, []).append(case.answer())
        last = len(self.answers["WatchQueue"]) + _FIRST - 1
        self.answers["SyncQueue"] = [console_pb2.SyncQueueResponse(revision=last, history="future")]

    def register(self, server: grpc.aio.Server) -> None:
        handlers: dict[str, dict[str, grpc.RpcMethodHandler[Any, Any]]] = {}
        for method in methods():
            handlers.setdefault(method.containing_service.full_name, {})[method.name] = self._handler(method)
        server.add_generic_rpc_handlers(
            tuple(grpc.method_handlers_generic_handler(service, of_service) for service, of_service in handlers.items())
        )

    def _handler(self, method: MethodDescriptor) -> grpc.RpcMethodHandler[Any, Any]:
        reads = GetMessageClass(method.input_type).FromString
        writes = GetMessageClass(method.output_type).SerializeToString
        kinds: dict[tuple[bool, bool], Callable[..., grpc.RpcMethodHandler[Any, Any]]] = {
            (False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler,
        }
        serve = self._stream(method) if method.server_streaming else self._answer(method)
        kind = kinds[method.client_streaming, method.server_streaming]
        return kind(serve, request_deserializer=reads, response_serializer=writes)

    def _answer(self, method: MethodDescriptor) -> Callable[[Any, Context], Awaitable[Any]]:
        async def answer(_request: object, _context: Context) -> Any:
            merged = GetMessageClass(method.output_type)()
            for message in self._all(method):
                merged.MergeFrom(message)
            return merged

        return answer

    def _stream(self, method: MethodDescriptor) -> Callable[[Any, Context], AsyncIterator[Any]]:
        async def stream(_request: object, _context: Context) -> AsyncIterator[Any]:
            for revision, message in enumerate(self._all(method), start=_FIRST):
                _number(message, revision)
                yield message
            if method.name not in ("ListEvents", "ListPosts"):  # the others go on for ever
                await asyncio.Event().wait()

        return stream

    def _all(self, method: MethodDescriptor) -> list[Any]:
        return self.answers.get(method.name) or [message_with((), method.output_type)]


def _number(message: Any, revision: int) -> None:
    """Give a message of the watch its revision: an update that is not newer would be passed over."""
    if isinstance(message, console_pb2.WatchQueueResponse):
        parts: list[Any] = [message.snapshot, message.delta, message.bookmark, *message.deltas.deltas]
        for part in parts:
            if part.revision:
                part.revision = revision
