"""Whatever a message says, and whatever bytes stand in for one: every method answers, and never INTERNAL or UNKNOWN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
import pytest
from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from grpc_health.v1 import health_pb2
from grpc_reflection.v1alpha import reflection_pb2
from hypothesis import given, settings
from hypothesis import strategies as st

from rescue_client.channel import Metadata
from rescue_protos import v1
from rescue_protos.v1 import access_pb2, admin_pb2, applet_pb2, clock_pb2, console_pb2
from rescue_server.rpc.permissions import PERMISSIONS
from tests.fuzz.conftest import Target

pytestmark = pytest.mark.no_cover  # counting lines would double the time of so many steps

fuzzed = settings.get_profile("fuzz")
ANSWER_WITHIN = 30.0
NEVER = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DEADLINE_EXCEEDED)
REFLECTION_V1 = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"  # it has the messages of v1alpha
# What they would do for long or for ever is done in small below: time that goes by, a secret that becomes another.
BY_HAND = {"AdvanceClock", "SetClockSpeed", "RenewSecret", "RemoveTechnicianAccount"}


def all_methods() -> list[MethodDescriptor]:
    import importlib
    import pkgutil

    modules = [importlib.import_module(f"{v1.__name__}.{m.name}") for m in pkgutil.iter_modules(v1.__path__)]
    files = [module.DESCRIPTOR for module in (*modules, health_pb2, reflection_pb2) if hasattr(module, "DESCRIPTOR")]
    methods = [m for file in files for service in file.services_by_name.values() for m in service.methods]
    unique = {path_of(method): method for method in methods}
    assert set(PERMISSIONS) <= set(unique) | {"/grpc.health.v1.Health/List", REFLECTION_V1}
    return [method for path, method in sorted(unique.items()) if path in PERMISSIONS]


def path_of(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


METHODS = all_methods()
IDS = [method.name for method in METHODS]


def messages(descriptor: Descriptor, words: Sequence[str], depth: int = 3) -> st.SearchStrategy[Any]:
    """Messages of a kind with random fields; `words` are mixed in where texts are."""
    build = message_factory.GetMessageClass(descriptor)
    fields = {f.name: values(f, words, depth) for f in descriptor.fields if depth or f.message_type is None}

    def assemble(drawn: dict[str, Any]) -> Any:
        message = build()
        for name, value in drawn.items():
            field = descriptor.fields_by_name[name]
            if field.message_type is not None and field.message_type.GetOptions().map_entry:
                getattr(message, name).update({entry.key: entry.value for entry in value})
            elif field.is_repeated:
                getattr(message, name).extend(value)
            elif field.message_type is not None:
                getattr(message, name).CopyFrom(value)
            else:
                setattr(message, name, value)
        return message

    return st.fixed_dictionaries({}, optional=fields).map(assemble)


def values(field: FieldDescriptor, words: Sequence[str], depth: int) -> st.SearchStrategy[Any]:
    one = value(field, words, depth)
    return st.lists(one, max_size=3) if field.is_repeated else one


def value(field: FieldDescriptor, words: Sequence[str], depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        return messages(field.message_type, words, depth - 1)
    kind = field.cpp_type
    if kind == FieldDescriptor.CPPTYPE_STRING:
        if field.type == FieldDescriptor.TYPE_BYTES:
            return st.binary(max_size=50)
        long = st.sampled_from([100, 3000, 30_000]).map(lambda length: "x" * length)
        odd = st.sampled_from(
            ["", " ", "\x00", "\x1b[2J", "a\nb", "\u202e", "ß" * 64, "9" * 5000, "-1", "group:Support"]
        )
        return st.sampled_from(words) | odd | long | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
    if kind == FieldDescriptor.CPPTYPE_BOOL:
        return st.booleans()
    if kind in (FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT):
        return st.floats()
    if kind == FieldDescriptor.CPPTYPE_ENUM:
        return st.integers(-(2**31), 2**31 - 1) | st.integers(0, 8)
    bits = 32 if kind in (FieldDescriptor.CPPTYPE_INT32, FieldDescriptor.CPPTYPE_UINT32) else 64
    if kind in (FieldDescriptor.CPPTYPE_UINT32, FieldDescriptor.CPPTYPE_UINT64):
        return st.integers(0, 2**bits - 1) | st.integers(0, 40)
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) | st.integers(-5, 100)


def ask(channel: grpc.Channel, method: MethodDescriptor, raw: Sequence[bytes], metadata: Metadata) -> grpc.StatusCode:
    """Send bytes to a method; return its status. Of an endless stream it is OK as soon as something came back."""
    kind = f"{'stream' if method.client_streaming else 'unary'}_{'stream' if method.server_streaming else 'unary'}"
    call = getattr(channel, kind)(path_of(method), lambda data: data, lambda data: data)
    try:
        if method.server_streaming:
            answers = call(iter(raw) if method.client_streaming else raw[0], metadata=metadata, timeout=ANSWER_WITHIN)
            # Of a stream of requests everything is read and answered; others go on for ever.
            for _ in answers:
                if not method.client_streaming:
                    answers.cancel()
                    break
        else:
            call(raw[0], metadata=metadata, timeout=ANSWER_WITHIN)
    except grpc.RpcError as error:
        code, said = error.code(), error.details()
    else:
        code, said = grpc.StatusCode.OK, ""
    assert code not in NEVER, f"{path_of(method)}: {code} {said}"
    return code


def metadata_for(method: MethodDescriptor, target: Target) -> Metadata:
    user = "admin" if PERMISSIONS[path_of(method)].value == "administrator" else "alice"
    return target.users[user]


@pytest.mark.parametrize("method", [m for m in METHODS if m.name not in BY_HAND], ids=lambda m: m.name)
@fuzzed
@given(data=st.data())
def test_any_message(target: Target, method: MethodDescriptor, data: st.DataObject) -> None:
    drawn = data.draw(st.lists(messages(method.input_type, target.words), min_size=1, max_size=3))
    requests = drawn if method.client_streaming else drawn[:1]
    if method.name == "Attach" and data.draw(st.booleans()):  # else few would get beyond the hello
        hello = applet_pb2.Hello(session=target.joined.session, ticket=target.joined.ticket, instance="f", attempt=1)
        requests = [applet_pb2.AttachRequest(hello=hello), *requests]
    ask(target.channel, method, [one.SerializeToString() for one in requests], metadata_for(method, target))


@pytest.mark.parametrize("method", METHODS, ids=IDS)
@fuzzed
@given(raw=st.lists(st.binary(max_size=60), min_size=1, max_size=3))
def test_any_bytes(target: Target, method: MethodDescriptor, raw: list[bytes]) -> None:
    build = message_factory.GetMessageClass(method.input_type)
    if method.name in BY_HAND and any(_is_message(build, one) for one in raw):
        return
    ask(target.channel, method, raw, metadata_for(method, target))


@fuzzed
@given(pairs=st.lists(st.tuples(st.sampled_from(["authorization", "rescue-session", "rescue-ticket"]), st.text(
    st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=60)), max_size=4))  # fmt: skip
def test_any_metadata(target: Target, pairs: list[tuple[str, str]]) -> None:
    for method in METHODS:
        if method.containing_service.name in ("ConsoleService", "ClockService", "AdminService"):
            code = ask(target.channel, method, [b""], tuple(pairs))
            assert code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)


def _is_message(build: Any, raw: bytes) -> bool:
    try:
        build.FromString(raw)
    except Exception:
        return False
    return True


def test_the_clock_cannot_be_moved_out_of_the_calendar(target: Target) -> None:
    method = next(m for m in METHODS if m.name == "AdvanceClock")
    for seconds, nanos in ((0, 0), (-1, 0), (2**62, 0), (1, 2**31 - 1), (400 * 86_400, 0), (0, -1), (-(2**63), -5)):
        request = clock_pb2.AdvanceClockRequest()
        request.by.seconds, request.by.nanos = seconds, nanos
        code = ask(target.channel, method, [request.SerializeToString()], target.users["admin"])
        assert code in (grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.OK)


@fuzzed
@given(speed=st.floats())
def test_any_speed(target: Target, speed: float) -> None:
    set_speed = next(m for m in METHODS if m.name == "SetClockSpeed")
    pause = next(m for m in METHODS if m.name == "PauseClock")
    if not 0 < speed <= 1000:
        request = clock_pb2.SetClockSpeedRequest(speed=speed).SerializeToString()
        ask(target.channel, set_speed, [request], target.users["admin"])
        ask(target.channel, pause, [b""], target.users["admin"])


# What was found, and stays found.
FOUND: list[tuple[str, bytes]] = [
    # Bytes that are no message were answered UNKNOWN, as if the server were to blame.
    ("/rescue_protos.v1.ConsoleService/ListQueue", b"\xff"),
    ("/rescue_protos.v1.ConsoleService/WatchQueue", b"\xff"),
    ("/rescue_protos.v1.AppletService/Attach", b"\xff"),
    ("/rescue_protos.v1.ClockService/WatchClock", b"\xff"),
    # What a caller wrote came back in metadata that gRPC found too long: the true error was lost.
    (
        "/rescue_protos.v1.ConsoleService/StartSession",
        console_pb2.StartSessionRequest(request_id="long", session="9" * 100_000).SerializeToString(),
    ),
    ("/rescue_protos.v1.AccessService/SignIn", access_pb2.SignInRequest(user="é" * 30_000).SerializeToString()),
    (
        "/rescue_protos.v1.AdminService/AddGroup",
        admin_pb2.AddGroupRequest(request_id="n", name="\x00" * 9999).SerializeToString(),
    ),
    # Watching health failed whatever was asked.
    ("/grpc.health.v1.Health/Watch", b""),
]


@pytest.mark.parametrize(("path", "raw"), FOUND, ids=range(len(FOUND)))
def test_what_was_found_before(target: Target, path: str, raw: bytes) -> None:
    method = next(m for m in METHODS if path_of(m) == path)
    ask(target.channel, method, [raw], metadata_for(method, target))
