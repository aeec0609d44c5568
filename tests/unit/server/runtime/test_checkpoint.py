"""A start from a checkpoint makes exactly the state that the whole journal makes; what is in doubt is not used."""

from __future__ import annotations

import asyncio
import inspect
import random
from collections.abc import Callable
from contextlib import closing
from dataclasses import fields
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rescue_server.clock import ServerClock
from rescue_server.core import commands, customer_side, decide, events
from rescue_server.core import organization as core_organization
from rescue_server.core.posting import PostKind
from rescue_server.core.queue import QueueUpdate
from rescue_server.core.status import Link
from rescue_server.replay.journal_file import read_journal
from rescue_server.runtime import command_handlers
from rescue_server.runtime.chat_log import ChatLog
from rescue_server.runtime.checkpoint import Checkpoints, SavedState, encode
from rescue_server.runtime.engine import Handler, Outcome, live_engine
from rescue_server.runtime.focus import in_focus
from rescue_server.runtime.packed_mapping import PackedMapping
from rescue_server.runtime.recovery import replay
from rescue_server.runtime.retention import Retention
from rescue_server.runtime.session_records import Records, SessionRecords
from rescue_server.runtime.state import AnyEvent, EngineState, Sessions, stream_of
from rescue_server.runtime.watch import Watch
from rescue_server.store.checkpoint_file import LONG, CheckpointFile
from rescue_server.store.files import STORE_FILE, sidecar
from rescue_server.store.memory import MemoryStore
from rescue_server.store.protocol import Store, StoredEvent
from rescue_server.store.sqlite import SqliteStore

START = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
JOURNALS = sorted((Path(__file__).parents[3] / "contract/server/journals").glob("*.jsonl"))


class Replayed:
    """A store that was replayed, from a checkpoint on if there is one."""

    def __init__(self, store: Store, content: bytes | None = None, *, behind: int = 5_000) -> None:
        self.state, self.watch, self.chats = EngineState(), Watch(), ChatLog()
        self.checkpoints = Checkpoints(content, behind=behind)
        self.used = self.checkpoints.found is not None
        self.records = SessionRecords()
        replay(store, self.state, self.watch, self.chats, self.records, self.checkpoints)

    def updates(self, after: int) -> dict[str, list[tuple[int, QueueUpdate]]]:
        found = {
            technician: [(one.revision, one.update) for one in ring.updates if one.revision > after]
            for technician, ring in self.watch._rings.items()
        }
        return {technician: updates for technician, updates in found.items() if updates}


def require_equal(store: Store, content: bytes | None) -> int:
    """Compare a start with this checkpoint to one without; return at which revision the checkpoint was made."""
    whole, short = Replayed(store), Replayed(store, content)
    assert short.used
    for part in fields(EngineState):  # also those that `==` leaves out
        assert getattr(short.state, part.name) == getattr(whole.state, part.name), part.name
    assert type(short.state.open_by) is type(whole.state.open_by)
    assert list(short.state.sessions) == list(whole.state.sessions)
    assert short.watch.revision == whole.watch.revision
    assert short.updates(short.watch.oldest) == whole.updates(short.watch.oldest)
    assert vars(short.chats) == vars(whole.chats)
    assert vars(short.records) == vars(whole.records)
    return short.watch.oldest


def test_all_that_a_replay_makes_is_in_the_checkpoint_or_made_again_at_each_start() -> None:
    """Who adds something that is made of the journal fails here, until it is saved, too, and compared above."""
    made = set(inspect.signature(replay).parameters) - {"store", "checkpoints"}
    assert made - {"watch"} == set(SavedState.__struct_fields__) - {"core"}, "the rings are made of the latest events"
    engine = live_engine(MemoryStore(), ServerClock(start=START, monotonic=lambda: 0.0))
    of_the_journal = {"chats", "records", "watch", "_states", "schedule"}
    of_this_start = {"clock", "_store", "_requests", "_commit", "_hooks", "_subscribers", "_caught_up"}
    assert set(vars(engine)) == of_the_journal | of_this_start | {"refused_batches"}
    begun_anew = {"deadlines", "leases", "changed", "_clock", "_states", "_listeners", "_organized_at", "_ended"}
    begun_anew |= {"_organization", "_out_of_date", "_expected", "_is_prepared"}
    assert set(vars(engine.schedule)) == begun_anew


@pytest.mark.parametrize("path", JOURNALS, ids=lambda path: path.stem)
def test_from_any_checkpoint_on_the_state_is_that_of_the_whole_journal(path: Path) -> None:
    store = MemoryStore()
    for number, line in enumerate(read_journal(path), 1):
        body = msgspec.json.encode(line.body)
        store.append([StoredEvent(revision=number, at=line.at, stream=stream_of(line.body), body=body)])
    last = store.last_revision()
    for behind in sorted({1, 2, last // 3, last - 1}):
        content = Replayed(store, behind=behind).checkpoints.content()
        assert require_equal(store, content) == last - behind
        again = Replayed(store, content, behind=behind).checkpoints.content()
        assert require_equal(store, again) == last - behind
    assert Replayed(store, behind=last).checkpoints.content() is None  # it would spare nothing


async def test_a_server_that_runs_saves_what_a_replay_would_make() -> None:
    """Random commands, with sessions that are forgotten, and a checkpoint now and then."""
    dice, store, seconds = random.Random(7), MemoryStore(), [0.0]
    engine = live_engine(store, ServerClock(start=START, monotonic=lambda: seconds[0]))
    checkpoints = Checkpoints(behind=20)
    engine.load(checkpoints)
    retention = Retention(engine, keep_ended=timedelta(minutes=1), real_now=lambda: 1e6 * seconds[0])
    engine.subscribe(retention)
    work = asyncio.create_task(engine.run())
    await engine.perform(lambda state, context: Outcome(events=organization()))
    used = 0
    for _ in range(400):
        seconds[0] += 1
        await engine.perform(random_step(dice, engine.published))
        if dice.random() < 0.1:
            await retention.sweep()
        if dice.random() < 0.1 and (content := checkpoints.content()) is not None:
            used += require_equal(store, content) > 0
    assert used > 10
    assert len(engine.published.sessions) < engine.published.last_session - 1000  # some were forgotten
    work.cancel()


def organization() -> list[AnyEvent]:
    return [
        core_organization.GroupAdded(at=START, name="Support"),
        core_organization.TechnicianAdded(at=START, name="alice", group="Support"),
        core_organization.TechnicianAdded(at=START, name="bob", group="Support"),
        core_organization.ChannelAdded(at=START, name="Web", groups=("Support",)),
    ]


def random_step(dice: random.Random, state: EngineState) -> Handler:
    going_on = [session for session in state.sessions.values() if session.ended_at is None]
    coming = [session for session in going_on if session.channel and session.link is Link.AWAITING]
    waiting = [session for session in going_on if session.link is Link.CONNECTED and not session.lead]
    led = [session for session in going_on if session.lead]
    if coming:
        return command_handlers.of_applet(coming[0].id, customer_side.on_attach)
    if led and dice.random() < 0.3:
        said = commands.SendChatLine(technician=led[0].lead, session=led[0].id, text="hello")
        return command_handlers.command(said)
    if led and dice.random() < 0.3:
        one = dice.choice(led)
        return command_handlers.command(commands.EndSession(technician=one.lead, session=one.id))
    if waiting and dice.random() < 0.5:
        one = dice.choice(waiting)
        started = commands.StartSession(technician=dice.choice(["alice", "bob"]), session=one.id)
        return command_handlers.command(started)
    if dice.random() < 0.3:
        return command_handlers.create_pin("alice", "", lambda: f"{dice.randrange(10**6):06d}")
    return command_handlers.start_through_channel("Web", "Ana", "hash")


def ended_sessions(count: int) -> MemoryStore:
    """Sessions that were ended at once, and three that go on."""
    store, state = MemoryStore(), EngineState()
    context = partial(decide.Context, in_focus=frozenset(), now=START)
    stored = [state.apply(event).stored() for event in organization()]
    for number in range(1001, 1004 + count):
        opened = decide.create_pin(
            session=str(number),
            technician="alice",
            pin=f"{number:06}",
            customer="Ana",
            context=context(organization=state.organization),
        )
        stored += [state.apply(event).stored() for event in opened]
        if number >= 1004:
            end = commands.EndSession(technician="alice", session=str(number))
            ended = decide.decide(state.sessions[str(number)], end, context(organization=state.organization))
            stored += [state.apply(event).stored() for event in ended]
    store.append(stored)
    return store


class Counting:
    """A decoder that counts what it decodes."""

    def __init__(self, decoder: msgspec.msgpack.Decoder[Any]) -> None:
        self._decoder = decoder
        self.count = 0

    def decode(self, value: bytes) -> Any:
        self.count += 1
        return self._decoder.decode(value)


@pytest.mark.parametrize("over", [100, 1_000])
async def test_a_start_decodes_no_session_that_is_over(over: int, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ended_sessions(over)
    content = Replayed(store, behind=10).checkpoints.content()
    require_equal(store, content)
    counting = Counting(Sessions.decoder)
    monkeypatch.setattr(Sessions, "decoder", counting)
    engine = live_engine(store, ServerClock(start=START, monotonic=lambda: 0.0))
    engine.load(Checkpoints(content, behind=10))
    in_focus(engine)
    assert counting.count == 3
    assert len(engine.published.sessions) == over + 3
    for number in range(1004, 1014):
        assert engine.published.sessions[str(number)].ended_at == START
    assert counting.count == 13
    await Retention(engine).sweep()  # looks at each once, and keeps none
    assert counting.count == 13 + over - 5  # five of the events after the checkpoint ended one


@pytest.mark.parametrize("part", ["sessions", "pins", "records"])
def test_another_value_of_a_packed_one_is_another_state(part: str) -> None:
    store = ended_sessions(100)
    content = Replayed(store, behind=10).checkpoints.content()
    saved = Checkpoints(content).found
    assert saved is not None
    packed: PackedMapping[Any] = saved.records if part == "records" else getattr(saved.state, part)
    name = next(reversed([*packed][:50]))
    value = packed[name]
    packed[name] = "1001" if isinstance(value, str) else msgspec.structs.replace(value, **CHANGED[part])
    with pytest.raises(AssertionError):
        require_equal(store, encode(saved))


CHANGED: dict[str, dict[str, Any]] = {"sessions": {"customer": "Anna"}, "records": {"transferred_to": "group:Support"}}


def test_a_session_of_which_a_post_was_given_up_is_not_left_packed() -> None:
    """Administrators list its posts, and can have them sent again."""
    store = ended_sessions(100)
    last = store.last_revision()
    due = events.PostDue(
        session="1010", at=START, delivery="d", kind=PostKind.END, technician="alice", group="Support", node=1
    )
    given_up = events.PostGivenUp(session="1010", at=START, delivery="d", kind=PostKind.END, url="", attempt=1)
    for number, event in enumerate((due, given_up), last + 1):
        body = msgspec.json.encode(event)
        store.append([StoredEvent(revision=number, at=START, stream="1010", body=body)])
    content = Replayed(store, behind=1).checkpoints.content()
    require_equal(store, content)
    saved = Checkpoints(content).found
    assert saved is not None
    assert {session.id for session in saved.state.sessions.unpacked()} == {"1001", "1002", "1003", "1010"}


def test_a_checkpoint_of_another_core_is_not_used() -> None:
    state = EngineState(revision=7)
    ours = SavedState(core="another", state=state, chats={}, records=Records())
    for content in (encode(ours), b"", b"\xff", msgspec.msgpack.encode({"core": 1})):
        assert Checkpoints(content).found is None


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    path = tmp_path / STORE_FILE
    with closing(SqliteStore.open(path)) as store:
        store.append([StoredEvent(revision=n, at=START, stream="1001", body=b"{}") for n in range(1, 2000)])
    CheckpointFile(path).write(b"a state")
    return path


def test_a_checkpoint_is_taken_once_and_only_its_owner_can_read_it(closed: Path) -> None:
    checkpoint = sidecar(closed, ".checkpoint")
    assert checkpoint.stat().st_mode & 0o777 == 0o600
    assert CheckpointFile(closed).take() == b"a state"
    assert not checkpoint.exists()
    assert CheckpointFile(closed).take() is None


def test_whoever_waits_for_a_long_start_is_told_why(closed: Path) -> None:
    assert CheckpointFile(closed).note_without() == ""
    with closed.open("r+b") as file:
        file.truncate(3 * LONG)
    assert CheckpointFile(closed).note_without().startswith("the store of 60 MB is checked and read")
    closed.unlink()
    assert CheckpointFile(closed).note_without() == ""


def flip(path: Path, offset: int) -> None:
    content = bytearray(path.read_bytes())
    content[offset] ^= 1
    path.write_bytes(content)


DOUBTS: dict[str, Callable[[Path], object]] = {
    "a bit of the store is another": lambda path: flip(path, path.stat().st_size // 2),
    "the store is longer": lambda path: path.write_bytes(path.read_bytes() + b"\0"),
    "the store is gone": Path.unlink,
    "a bit of the checkpoint is another": lambda path: flip(sidecar(path, ".checkpoint"), -1),
    "a bit of its seal is another": lambda path: flip(sidecar(path, ".checkpoint"), 23),
    "the checkpoint is cut short": lambda path: sidecar(path, ".checkpoint").write_bytes(b"RESCUE"),
    "a crash left a log": lambda path: sidecar(path, "-wal").write_bytes(b"x"),
    "a restored store waits": lambda path: sidecar(path, ".restored").write_bytes(b"x"),
}


@pytest.mark.parametrize("doubt", DOUBTS.values(), ids=DOUBTS.keys())
def test_when_in_doubt_there_is_no_checkpoint(closed: Path, doubt: Callable[[Path], object]) -> None:
    doubt(closed)
    assert CheckpointFile(closed).take() is None
    assert not sidecar(closed, ".checkpoint").exists()
