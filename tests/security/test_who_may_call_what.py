"""Every RPC that the server has, called by everybody who could: the list comes from the server's own descriptors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor import MethodDescriptor
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from rescue_client.channel import Metadata
from rescue_protos.v1 import (
    admin_pb2,
    admin_pb2_grpc,
    applet_pb2,
    console_pb2,
    console_pb2_grpc,
    journal_pb2,
    journal_pb2_grpc,
)
from rescue_server.rpc import console_service
from rescue_server.rpc.permissions import PERMISSIONS
from rescue_server.runtime.credentials import TOKEN_LIFE
from tests.security.conftest import House, Refused, received

# Who gets past the guard. Written down a second time on purpose: a rule that is loosened by mistake fails here.
ANYBODY = {"nobody", "technician", "administrator", "computer", "expired", "forged", "forged computer"}
TECHNICIAN = {"technician"}
ADMINISTRATOR = {"administrator"}
COMPANION: set[str] = set()  # it has a key that the server gave to it alone
USER = TECHNICIAN | ADMINISTRATOR
USER_OR_COMPUTER = USER | {"computer"}
MAY_CALL = {
    "grpc.health.v1.Health": ANYBODY,
    "grpc.reflection.v1.ServerReflection": ANYBODY,
    "grpc.reflection.v1alpha.ServerReflection": ANYBODY,
    "rescue_protos.v1.AccessService": ANYBODY,
    # The message says who calls: see the tests of PINs and tickets.
    "rescue_protos.v1.AppletService": ANYBODY,
    "rescue_protos.v1.ConsoleService": TECHNICIAN,
    "rescue_protos.v1.AdminService": ADMINISTRATOR,
    "rescue_protos.v1.FaultService": ADMINISTRATOR,
    "rescue_protos.v1.PostService": ADMINISTRATOR,
    "rescue_protos.v1.ExerciseService": ADMINISTRATOR,
    "rescue_protos.v1.ExerciseService/WatchExercise": TECHNICIAN,
    "rescue_protos.v1.ExerciseService/AskCoach": TECHNICIAN,
    "rescue_protos.v1.PublicApiService/ReadAccount": ADMINISTRATOR,
    "rescue_protos.v1.PublicApiService": COMPANION,
    "rescue_protos.v1.JournalService": USER,
    "rescue_protos.v1.JournalService/WatchRefusedCommands": ADMINISTRATOR,
    "rescue_protos.v1.ClockService/GetClock": USER_OR_COMPUTER,
    "rescue_protos.v1.ClockService/WatchClock": USER_OR_COMPUTER,
    "rescue_protos.v1.ClockService": ADMINISTRATOR,
}
REFUSALS = ("UNAUTHENTICATED", "PERMISSION_DENIED")


def path_of(method: MethodDescriptor) -> str:
    return f"/{method.containing_service.full_name}/{method.name}"


async def methods_of(channel: grpc.aio.Channel) -> list[MethodDescriptor]:
    """All methods of all services that the server's reflection names."""

    async def ask() -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        yield reflection_pb2.ServerReflectionRequest(list_services="")

    stub = reflection_pb2_grpc.ServerReflectionStub(channel)
    async for answer in stub.ServerReflectionInfo(ask(), timeout=20):
        services = [service.name for service in answer.list_services_response.service]
    pool = descriptor_pool.Default()
    return [method for name in services for method in pool.FindServiceByName(name).methods]


async def outcome(channel: grpc.aio.Channel, method: MethodDescriptor, request: Any, metadata: Metadata) -> str:
    """The status of a call, "OK" if something came back, of a stream as soon as something does."""
    kind = f"{'stream' if method.client_streaming else 'unary'}_{'stream' if method.server_streaming else 'unary'}"
    answer_class = message_factory.GetMessageClass(method.output_type)
    call = getattr(channel, kind)(
        path_of(method),
        request_serializer=lambda message: message.SerializeToString(),
        response_deserializer=answer_class.FromString,
    )

    async def requests() -> AsyncIterator[Any]:
        yield request

    running = call(requests() if method.client_streaming else request, metadata=metadata, timeout=20)
    try:
        if method.server_streaming:
            await running.read()
            running.cancel()
        else:
            await running
    except grpc.aio.AioRpcError as error:
        return error.code().name
    except asyncio.CancelledError:
        return "CANCELLED"
    return "OK"


def empty(method: MethodDescriptor) -> Any:
    return message_factory.GetMessageClass(method.input_type)()


@dataclass
class Callers:
    by_name: dict[str, Metadata]
    session: str
    other: Metadata


@pytest.fixture
async def callers(house: House) -> Callers:
    house.now = 0.0
    expired = await house.signed_in("alice")
    house.now = TOKEN_LIFE + 1
    alice, dave, admin = [await house.signed_in(name) for name in ("alice", "dave", "admin")]
    created = await house.new_pin(alice)
    redeemed = await house.redeem(created.pin)
    return Callers(
        by_name={
            "nobody": (),
            "technician": alice,
            "administrator": admin,
            "computer": (("rescue-session", redeemed.session), ("rescue-ticket", redeemed.ticket)),
            "expired": expired,
            "forged": (("authorization", "Bearer " + "A" * 43),),
            "forged computer": (("rescue-session", redeemed.session), ("rescue-ticket", "0" * 64)),
        },
        session=created.session,
        other=dave,
    )


async def test_every_method_of_the_server_has_a_rule_and_every_rule_a_method(house: House) -> None:
    paths = {path_of(method) for method in await methods_of(house.channel)}
    assert paths - set(PERMISSIONS) == set(), "a new RPC needs a rule in rpc/rules.py, and a line in this test"
    elsewhere = {"/grpc.health.v1.Health/List", *(path for path in PERMISSIONS if "ClusterService" in path)}
    assert set(PERMISSIONS) - paths == elsewhere, "a rule of no method"


async def test_everybody_calls_every_method(house: House, callers: Callers) -> None:
    """Who may not is refused before anything happens; who may gets past the guard with any message."""
    wrong = []
    for method in await methods_of(house.channel):
        service = method.containing_service.full_name
        allowed = MAY_CALL.get(f"{service}/{method.name}", MAY_CALL.get(service, set()))
        for name, metadata in callers.by_name.items():
            code = await outcome(house.channel, method, empty(method), metadata)
            got_in = code not in REFUSALS
            if service.endswith(("AccessService", "AppletService")) and name in allowed:
                got_in = code not in ("PERMISSION_DENIED", "UNIMPLEMENTED")  # an empty secret or hello is wrong, too
            if got_in is not (name in allowed) or code in ("INTERNAL", "UNKNOWN", "UNIMPLEMENTED"):
                wrong.append(f"{path_of(method)} called by {name}: {code}")
    assert wrong == []


async def test_a_method_without_a_rule_is_refused_to_everybody(
    house: House, callers: Callers, monkeypatch: pytest.MonkeyPatch
) -> None:
    method = next(m for m in await methods_of(house.channel) if m.name == "ListQueue")
    monkeypatch.delitem(PERMISSIONS, path_of(method))
    for metadata in callers.by_name.values():
        assert await outcome(house.channel, method, empty(method), metadata) == "PERMISSION_DENIED"


async def test_a_technician_cannot_tell_anothers_session_from_none(
    house: House, callers: Callers, refused: Refused
) -> None:
    """Every command that names a session, by a technician who has no entry in it; and nothing happens to it."""
    before = await house.console.ListQueue(console_pb2.ListQueueRequest(), metadata=callers.by_name["technician"])
    commands = [m for m in await methods_of(house.channel) if "session" in m.input_type.fields_by_name]
    commands = [m for m in commands if m.containing_service.name == "ConsoleService"]
    assert len(commands) >= 12
    for method in commands:
        said = []
        for session in (callers.session, "999999"):
            request = empty(method)
            request.session, request.request_id = session, f"{method.name} {session}"
            if method.name == "TransferSession":
                request.technician = "bob"
            if "process" in method.input_type.fields_by_name:
                request.process = 1
            stub = getattr(console_pb2_grpc.ConsoleServiceStub(house.channel), method.name)
            async with refused("NOT_FOUND", "UNKNOWN_SESSION") as errors:
                await stub(request, metadata=callers.other, timeout=20)
            said.append(str(errors[0]).replace(session, "N"))
        assert said[0] == said[1]
    after = await house.console.ListQueue(console_pb2.ListQueueRequest(), metadata=callers.by_name["technician"])
    assert after == before
    theirs = await house.console.ListQueue(console_pb2.ListQueueRequest(), metadata=callers.other)
    assert list(theirs.entries) == []


async def test_a_technician_cannot_turn_to_anothers_console(house: House, callers: Callers) -> None:
    alice = callers.by_name["technician"]
    watch = house.console.WatchQueue(console_pb2.WatchQueueRequest(console="hers", in_focus=False), metadata=alice)
    assert (await received(watch)).HasField("snapshot")
    assert (await received(watch)).HasField("bookmark")
    request = console_pb2.SyncQueueRequest(console="hers")
    await house.console.SyncQueue(request, metadata=callers.other)  # would put a bookmark into the watch
    await house.new_pin(alice, "marker")
    assert (await received(watch)).HasField("delta")
    watch.cancel()


async def test_the_journal_tells_a_technician_nothing_of_anothers_session(
    house: House, callers: Callers, refused: Refused
) -> None:
    stub = journal_pb2_grpc.JournalServiceStub(house.channel)

    async def read(metadata: Metadata, session: str = "") -> list[journal_pb2.JournalEvent]:
        pieces = stub.ListEvents(journal_pb2.ListEventsRequest(session=session), metadata=metadata, timeout=20)
        return [event async for piece in pieces for event in piece.events]

    said = []
    for session in (callers.session, "999999"):
        async with refused("NOT_FOUND", "UNKNOWN_SESSION") as errors:
            await stub.Explain(journal_pb2.ExplainRequest(session=session), metadata=callers.other, timeout=20)
        said.append(str(errors[0]).replace(session, "N"))
        assert await read(callers.other, session) == []
    assert said[0] == said[1]
    assert await read(callers.other) == []
    alice, everything = await read(callers.by_name["technician"]), await read(callers.by_name["administrator"])
    assert {event.stream for event in alice} == {callers.session}
    assert {event.stream for event in everything} == {callers.session, "organization"}
    hashes = [event.body for event in everything if "hash" in event.body]
    assert len(hashes) >= 6
    assert all('_hash":"withheld"' in body or '_hash":""' in body for body in hashes)


async def test_an_expired_token_is_told_apart_and_a_new_one_works(house: House, refused: Refused) -> None:
    metadata = await house.signed_in("alice")
    house.now += TOKEN_LIFE - 1
    await house.console.ListQueue(console_pb2.ListQueueRequest(), metadata=metadata)
    house.now += 1
    async with refused("UNAUTHENTICATED", "TOKEN_EXPIRED"):
        await house.console.ListQueue(console_pb2.ListQueueRequest(), metadata=metadata)
    await house.console.ListQueue(console_pb2.ListQueueRequest(), metadata=await house.signed_in("alice"))


async def test_a_renewed_secret_ends_the_users_open_streams_before_they_tell_anything(
    house: House, refused: Refused
) -> None:
    alice, admin = await house.signed_in("alice"), await house.signed_in("admin")
    watch = house.console.WatchQueue(console_pb2.WatchQueueRequest(console="old"), metadata=alice)
    assert (await received(watch)).HasField("snapshot")
    assert (await received(watch)).HasField("bookmark")
    renew = admin_pb2.RenewSecretRequest(request_id="renew", user="alice")
    await admin_pb2_grpc.AdminServiceStub(house.channel).RenewSecret(renew, metadata=admin)
    async with refused("UNAUTHENTICATED", "TOKEN_EXPIRED"):
        await house.console.ListQueue(console_pb2.ListQueueRequest(), metadata=alice)
    await house.new_pin(await house.signed_in("alice"), "after the renewal")
    async with refused("UNAUTHENTICATED", "TOKEN_EXPIRED"):
        await watch.read()


async def test_who_may_not_watch_any_more_learns_it_at_once(
    house: House, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(console_service, "BOOKMARK_EVERY", 3600.0)  # an idle watch has nothing to say by itself
    stub, metadata = admin_pb2_grpc.AdminServiceStub(house.channel), await house.signed_in("admin")
    carol, dave = await house.signed_in("carol"), await house.signed_in("dave")
    watches = [
        house.console.WatchQueue(console_pb2.WatchQueueRequest(console=name), metadata=user)
        for name, user in (("of carol", carol), ("of dave", dave))
    ]
    for watch in watches:
        assert (await received(watch)).HasField("snapshot")
        assert (await received(watch)).HasField("bookmark")
    await stub.RemoveTechnicianAccount(
        admin_pb2.RemoveTechnicianAccountRequest(request_id="1", technician="carol"), metadata=metadata
    )
    await stub.RenewSecret(admin_pb2.RenewSecretRequest(request_id="2", user="dave"), metadata=metadata)
    for watch in watches:
        async with refused("UNAUTHENTICATED", "TOKEN_EXPIRED"):
            await asyncio.wait_for(watch.read(), 20)


async def test_a_ticket_opens_its_own_session_only(house: House, callers: Callers, refused: Refused) -> None:
    alice = callers.by_name["technician"]
    other = await house.redeem((await house.new_pin(alice)).pin)
    for session, ticket in (
        (callers.session, other.ticket),
        (other.session, ""),
        (other.session, other.ticket[:-1]),
        ("999999", other.ticket),
    ):
        hello = applet_pb2.Hello(session=session, ticket=ticket, instance="i", attempt=1)
        call = house.applet.Attach()
        await call.write(applet_pb2.AttachRequest(hello=hello))
        async with refused("UNAUTHENTICATED", "TICKET_UNKNOWN"):
            await call.read()


async def test_the_id_of_a_request_is_not_enough_for_its_ticket(house: House, refused: Refused) -> None:
    """Of a request that is repeated with the same id but another content nothing comes back."""
    alice = await house.signed_in("alice")
    created = await house.new_pin(alice)
    request = applet_pb2.RedeemPinRequest(request_id="known", pin=created.pin, customer="Jan")
    mine = await house.applet.RedeemPin(request)
    assert await house.applet.RedeemPin(request) == mine
    start = applet_pb2.StartThroughChannelRequest(request_id="known", channel="Web")
    async with refused("INVALID_ARGUMENT", "REQUEST_ID_REUSED"):
        await house.applet.StartThroughChannel(start)
    assert len(mine.ticket) * 4 >= 128


def test_secrets_and_tickets_are_stored_as_hashes_only() -> None:
    from rescue_server.runtime import credentials

    hashed = credentials.hash_secret("secret")
    assert "secret" not in hashed
    assert credentials.secret_fits("secret", hashed)
    assert not any(credentials.secret_fits(wrong, hashed) for wrong in ("", "secrets", hashed))
    assert not credentials.secret_fits("", "")
    ticket = credentials.derive_ticket(b"key", "id", "fingerprint")
    assert credentials.ticket_fits(ticket, credentials.hash_ticket(ticket))
    assert not credentials.ticket_fits(ticket, "")
    others = {credentials.derive_ticket(*p) for p in ((b"k", "id", "fingerprint"), (b"key", "i", "fingerprint"))}
    assert ticket not in others


def test_a_servers_key_is_its_own(tmp_path: Path) -> None:
    from rescue_server.runtime.credentials import server_key

    first, second = tmp_path / "a", tmp_path / "b"
    first.mkdir()
    second.mkdir()
    assert server_key(first) == server_key(first) != server_key(second)
    assert (first / "server.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("torn", [b"", b"only a part"])
def test_a_torn_key_is_never_used(tmp_path: Path, torn: bytes) -> None:
    """Found: a server that died while it made its key went on with an empty one, which anybody can guess."""
    from rescue_server.runtime.credentials import KEY_LENGTH, server_key

    (tmp_path / "server.key").write_bytes(torn)
    key = server_key(tmp_path)
    assert len(key) == KEY_LENGTH
    assert server_key(tmp_path) == key
    assert [path.name for path in tmp_path.iterdir()] == ["server.key"]
