"""The client library against a peer that keeps the contract, over real gRPC."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import Any, Self, TypeVar

import grpc
import pytest

from rescue_client.channel import SignedInChannel, open_channel
from rescue_client.console import ConsoleClient
from rescue_client.records import (
    Bookmark,
    ChatReceived,
    Colleague,
    Directory,
    Done,
    EntryChanged,
    EntryDetails,
    IdleAlarm,
    LeadOfferReceived,
    Participant,
    PinCreated,
    Process,
    ServerBack,
    ServerLost,
    Snapshot,
    Status,
    Target,
    TargetKind,
    Transferred,
)
from rescue_protos.errors import FailedPrecondition, Unauthenticated, Unavailable
from rescue_protos.v1 import common_pb2, console_pb2
from tests.contract.console.console_process import ClientOf
from tests.fakes.console_peer import Peer, lead_offer
from tests.fakes.scripted_server import Context

Kind = TypeVar("Kind")


class Reader:
    """Reads a watch in the background, as a console does."""

    def __init__(self, client: ConsoleClient) -> None:
        self.updates: list[Any] = []
        self._client = client
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._read())
        await self.until(lambda: any(isinstance(update, Snapshot) for update in self.updates))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _read(self) -> None:
        async with aclosing(self._client.watch()) as updates:
            async for update in updates:
                self.updates.append(update)
                self._news.set()

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():
                if self._task.done():
                    self._task.result()
                waiting = asyncio.create_task(self._news.wait())
                await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                self._news.clear()

    async def reaches(self, revision: int) -> None:
        await self.until(lambda: getattr(self.updates[-1], "revision", -1) >= revision)

    def revisions(self) -> list[int]:
        return [update.revision for update in self.updates if isinstance(update, EntryChanged)]

    def of(self, kind: type[Kind]) -> list[Kind]:
        return [update for update in self.updates if isinstance(update, kind)]


async def test_who_waits_is_named_among_the_participants_though_the_server_does_not_name_them(
    peer: Peer, client_of: ClientOf
) -> None:
    peer.change("s1", "WAITING", participants=[])
    outgoing = common_pb2.Participant(technician="zoe", status=common_pb2.STATUS_OUTGOING)
    peer.change("s2", "INCOMING", participants=[outgoing])
    async with client_of() as client, Reader(client) as reader:
        last = peer.change("s1", "REMOVED", "WAITING", 3, participants=[])
        await reader.reaches(last)
        snapshot, gone = reader.updates
    assert isinstance(snapshot, Snapshot)
    alice, zoe = (
        Participant(technician=name, status=status)
        for name, status in (("alice", Status.WAITING), ("zoe", Status.OUTGOING))
    )
    assert [entry.participants for entry in snapshot.entries] == [
        (alice,),
        (replace(alice, status=Status.INCOMING), zoe),
    ]
    assert isinstance(gone, EntryChanged)
    assert gone.entry.participants == ()


async def test_a_watch_begins_with_the_queue_and_delivers_every_kind_of_change(peer: Peer, client_of: ClientOf) -> None:
    peer.change("s1", "CONNECTING", customer="Jan")
    async with client_of() as client, Reader(client) as reader:
        peer.change("s1", "WAITING", "CONNECTING", 1)
        peer.detail(
            "s1",
            allowed=["start"],
            participants=[common_pb2.Participant(technician="alice", status=common_pb2.STATUS_WAITING, lead=True)],
        )
        line = common_pb2.ChatLine(text="hello")
        peer.tell(chat=console_pb2.SessionChat(session="s1", line=line))
        peer.tell(alarm=console_pb2.IdleAlarm(session="s1"))
        last = peer.tell(lead_offer=lead_offer("s1", "bob"))
        await reader.reaches(last)

        snapshot, changed, details, chat, alarm, offer = reader.updates
    assert isinstance(snapshot, Snapshot)
    assert [entry.customer for entry in snapshot.entries] == ["Jan"]
    assert isinstance(changed, EntryChanged)
    assert (changed.entry.status, changed.previous, changed.row) == (Status.WAITING, Status.CONNECTING, 1)
    assert changed.cause.text == "a test said so"
    assert changed.at.tzinfo is not None
    assert isinstance(details, EntryDetails)
    assert details.entry.allowed == ("start",)
    assert details.entry.participants == (Participant(technician="alice", status=Status.WAITING, lead=True),)
    assert isinstance(chat, ChatReceived)
    assert (chat.sender, chat.text) == ("", "hello")
    assert isinstance(alarm, IdleAlarm)
    assert isinstance(offer, LeadOfferReceived)
    assert offer.sender == "bob"


@pytest.mark.parametrize("in_batches", [False, True])
async def test_a_restart_on_another_port_loses_and_repeats_no_update(
    peer: Peer, client_of: ClientOf, in_batches: bool
) -> None:
    peer.in_batches = in_batches
    peer.repeats = 2
    async with client_of() as client, Reader(client) as reader:
        for number in range(3):
            peer.change(f"a{number}", "WAITING")
        await reader.reaches(3)
        old = peer.address

        await peer.crash()
        for number in range(3):
            peer.change(f"b{number}", "WAITING")
        await peer.boot()
        await reader.reaches(6)

        assert peer.address != old
        assert reader.revisions() == [1, 2, 3, 4, 5, 6]
        assert [type(update) for update in reader.updates[4:6]] == [ServerLost, ServerBack]
        assert len(reader.of(Snapshot)) == 1
        assert peer.watches[-1].after_revision == 3


async def test_the_watch_is_back_within_two_seconds_of_the_server(peer: Peer, client_of: ClientOf) -> None:
    async with client_of() as client, Reader(client) as reader:
        await peer.crash()
        await reader.until(lambda: reader.of(ServerLost))
        await asyncio.sleep(1)  # the outage itself: long enough for the back-off to have grown
        await peer.boot()
        booted = asyncio.get_running_loop().time()
        await reader.until(lambda: reader.of(ServerBack))
        assert asyncio.get_running_loop().time() - booted < 2


async def test_what_the_server_no_longer_has_comes_as_a_new_snapshot(peer: Peer, client_of: ClientOf) -> None:
    peer.change("s1", "WAITING")
    async with client_of() as client, Reader(client) as reader:
        await peer.crash()
        peer.change("s1", "REMOVED", "WAITING", 5)
        peer.change("s2", "WAITING")
        peer.compact()
        await peer.boot()
        await reader.until(lambda: len(reader.of(Snapshot)) == 2)
        peer.change("s2", "ACTIVE", "WAITING", 3)
        await reader.reaches(4)

        first, second = reader.of(Snapshot)
        assert (first.compacted, second.compacted) == (False, True)
        assert [entry.session for entry in second.entries] == ["s2"]
        assert reader.revisions() == [4]


async def test_a_command_whose_answer_was_lost_is_sent_again_with_its_request_id(
    peer: Peer, client_of: ClientOf
) -> None:
    crashed = asyncio.Event()

    async def crash(method: str, _context: object) -> None:
        if method == "CreatePin" and not crashed.is_set():
            crashed.set()
            await asyncio.Event().wait()

    peer.before_answer = crash
    async with client_of() as client:
        creating = asyncio.create_task(client.create_pin("Jan"))
        await asyncio.wait_for(crashed.wait(), 10)
        await peer.crash()
        await peer.boot()
        created = await asyncio.wait_for(creating, 10)

    first, second = peer.named("CreatePin")
    assert first.request_id == second.request_id != ""
    assert list(peer.entries) == ["s1"]
    assert created == PinCreated(revision=1, session="s1", pin="123456", valid_for=timedelta(minutes=20))


async def test_a_server_that_cannot_store_for_a_moment_is_asked_again(peer: Peer, client_of: ClientOf) -> None:
    refusals = [grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.UNAVAILABLE]

    async def refuse(_method: str, context: Context) -> None:
        if refusals:
            await context.abort(refusals.pop(), "the disk is full")

    peer.before_answer = refuse
    async with client_of() as client, Reader(client) as reader:
        await client.start("s1")
        assert not reader.of(ServerLost)  # the watch had no part in it
    assert len({request.request_id for request in peer.named("StartSession")}) == 1
    assert len(peer.named("StartSession")) == 3


async def test_a_command_gives_up_when_the_server_stays_away(peer: Peer, client_of: ClientOf) -> None:
    async with client_of(timeout=timedelta(seconds=0.5)) as client:
        await client.sign_in()
        await peer.crash()
        begun = asyncio.get_running_loop().time()
        with pytest.raises(Unavailable) as failure:
            await client.start("s1")
        assert asyncio.get_running_loop().time() - begun < 4
    assert failure.value.code == "UNAVAILABLE"


async def test_a_refusal_says_what_is_possible_and_is_not_repeated(peer: Peer, client_of: ClientOf) -> None:
    async with client_of() as client:
        with pytest.raises(FailedPrecondition) as refusal:
            await client.hold("s1")
    assert refusal.value.allowed == ("start", "end")
    assert refusal.value.reason == "NOT_IN_THIS_STATUS"
    assert len(peer.named("HoldSession")) == 1


async def test_a_wrong_secret_is_told_at_once_and_tried_only_once(peer: Peer, client_of: ClientOf) -> None:
    peer.secrets["alice"] = "wrong"
    peer.publish_access()
    async with client_of(secret="wrong") as client:
        peer.secrets["alice"] = "right"
        with pytest.raises(Unauthenticated):
            await client.sign_in()
    assert peer.sign_ins == 1


async def test_a_refused_secret_is_not_tried_again(peer: Peer) -> None:
    async with open_channel(peer.address) as channel:
        signed_in = SignedInChannel(channel, user="alice", secret="wrong")
        for _ in range(3):
            with pytest.raises(Unauthenticated, match="user alice or secret is wrong"):
                await signed_in.metadata()
    assert peer.sign_ins == 1


async def test_a_renewed_secret_is_looked_up_again(peer: Peer, client_of: ClientOf) -> None:
    async with client_of() as client, Reader(client) as reader:
        await peer.crash()
        peer.secrets["alice"] = "another"
        await peer.boot()
        assert await asyncio.wait_for(client.start("s1"), 10) == Done(revision=0)
        await reader.until(lambda: reader.of(ServerBack))


async def test_a_server_that_restarts_twice_in_a_row_is_watched_again(peer: Peer, client_of: ClientOf) -> None:
    expired = Unauthenticated("sign in again", reason="TOKEN_EXPIRED")
    peer.watch_refusals += [expired, Unavailable("the server is away"), expired]
    async with client_of() as client, Reader(client) as reader:
        await reader.until(lambda: reader.of(Snapshot))


async def test_sync_returns_when_the_reader_is_done_with_everything_up_to_now(peer: Peer, client_of: ClientOf) -> None:
    async with client_of() as client, Reader(client) as reader:
        for number in range(50):
            peer.change(f"s{number}", "WAITING")
        assert await asyncio.wait_for(client.sync(), 10) == Done(revision=50)
        assert reader.revisions() == list(range(1, 51))
        # Nothing happened since: no update to wait for, and none missing.
        assert await asyncio.wait_for(client.sync(), 10) == Done(revision=50)
        assert not reader.of(Bookmark)  # up to what was delivered already they say nothing new


async def test_sync_outlives_a_restart_that_swallows_its_bookmark(peer: Peer, client_of: ClientOf) -> None:
    asked = asyncio.Event()

    async def swallow(method: str, _context: object) -> None:
        if method == "SyncQueue" and not asked.is_set():
            asked.set()
            await asyncio.Event().wait()

    peer.before_answer = swallow
    async with client_of() as client, Reader(client) as reader:
        syncing = asyncio.create_task(client.sync())
        await asyncio.wait_for(asked.wait(), 10)
        await peer.crash()
        peer.change("s1", "WAITING")
        await peer.boot()
        assert await asyncio.wait_for(syncing, 10) == Done(revision=1)
        assert reader.revisions() == [1]


async def test_the_focus_is_told_now_and_again_after_a_reconnection(peer: Peer, client_of: ClientOf) -> None:
    async with client_of() as client, Reader(client) as reader:
        assert peer.watches[-1].in_focus
        await client.set_focus(False)
        assert [(told.console, told.in_focus) for told in peer.named("SetFocus")] == [(peer.watches[-1].console, False)]
        await peer.crash()
        await peer.boot()
        await reader.until(lambda: reader.of(ServerBack))
        assert not peer.watches[-1].in_focus
        assert peer.watches[-1].console == peer.watches[0].console != ""


async def test_closing_a_watch_ends_the_call_and_a_new_one_goes_on_after_it(peer: Peer, client_of: ClientOf) -> None:
    async with client_of() as client:
        async with Reader(client):
            assert not peer.watch_ended.is_set()
        await asyncio.wait_for(peer.watch_ended.wait(), 10)
        peer.change("s1", "WAITING")
        async with aclosing(client.watch()) as updates:
            update = await asyncio.wait_for(anext(updates), 10)
            assert isinstance(update, EntryChanged)
            assert update.revision == 1
        assert peer.watches[-1].after_revision == 0
        assert peer.watches[-1].HasField("after_revision")


async def test_closing_the_client_fails_what_is_going_on_as_unavailable(peer: Peer, client_of: ClientOf) -> None:
    asked = asyncio.Event()

    async def never(_method: str, _context: object) -> None:
        asked.set()
        await asyncio.Event().wait()

    peer.before_answer = never
    async with client_of() as client:
        starting = asyncio.create_task(client.start("s1"))
        await asyncio.wait_for(asked.wait(), 10)
    with pytest.raises(Unavailable):
        await asyncio.wait_for(starting, 10)


async def test_every_other_command_reaches_its_call_with_its_fields(peer: Peer, client_of: ClientOf) -> None:
    async with client_of() as client:
        bob = Target(kind=TargetKind.TECHNICIAN, name="bob")
        assert await client.transfer("s1", bob, "mind the cat") == Transferred(revision=0, incoming=("bob",))
        await client.transfer("s1", Target(kind=TargetKind.GROUP, name="Network"))
        await client.transfer("s1", Target(kind=TargetKind.CHANNEL, name="Web"))
        await client.invite("s1", "bob")
        await client.remove("s1", "bob")
        await client.offer_lead("s1", "bob")
        await client.cancel_lead("s1")
        await client.accept_lead("s1")
        await client.reboot("s1")
        await client.chat("s1", "hello")
        await client.open_process("s1", Process.SAVE_DIALOG)
        await client.close_process("s1", Process.CALLING_CARD)
        await client.end("s1")
        assert (await client.queue()).entries == ()
        assert await client.directory() == Directory(
            technicians=(Colleague(name="bob", group="Support", connected=True),),
            groups=("Support",),
            channels=("Web",),
        )

    sent = [(name, request) for name, request in peer.requests if hasattr(request, "request_id")]
    assert [name for name, _ in sent] == [
        *["TransferSession"] * 3,
        "InviteTechnician",
        "RemoveTechnician",
        "OfferLead",
        "CancelLeadOffer",
        "AcceptLead",
        "RebootComputer",
        "SendChat",
        "OpenProcess",
        "CloseProcess",
        "EndSession",
    ]
    assert len({request.request_id for _, request in sent}) == len(sent)
    assert all(request.session == "s1" for _, request in sent)
    assert [request.WhichOneof("target") for _, request in sent[:3]] == ["technician", "group", "channel"]
    assert sent[0][1].comment == "mind the cat"
    assert sent[9][1].text == "hello"
    assert sent[10][1].process == common_pb2.PROCESS_SAVE_DIALOG
    assert sent[11][1].process == common_pb2.PROCESS_CALLING_CARD
