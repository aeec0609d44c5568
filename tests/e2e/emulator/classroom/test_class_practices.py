"""Two people of a class do exercises on one server, each in a console of their own, and nobody disturbs the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from rescue_client.connection import Connection
from rescue_client.console import ConsoleClient
from rescue_client.records import Status, Target, TargetKind
from rescue_emulator.classroom.class_practice import ClassPractice, ClassServer
from rescue_emulator.classroom.model import MOST_PEOPLE, Classroom, plan
from rescue_emulator.classroom.setting_up import set_up
from rescue_emulator.classroom.store import ClassStore
from rescue_emulator.exercises.coach import Coach
from rescue_emulator.exercises.model import row_exercise
from rescue_emulator.exercises.practice import Practice
from rescue_emulator.exercises.trainee_run import RunPhase, RunState
from rescue_emulator.testing import World
from rescue_protos.errors import NotFound
from rescue_server.runtime.limits import LIMITS


@dataclass(slots=True)
class Room:
    """A class of two on a world's server. `news` is set when any practice changes."""

    world: World
    classroom: Classroom
    store: ClassStore
    practices: dict[str, ClassPractice]
    news: asyncio.Event

    async def until(self, person: str, look: Callable[[RunState], bool]) -> RunState:
        async with asyncio.timeout(30):
            while (state := self.practices[person].state) is None or not look(state):
                self.news.clear()
                await self.news.wait()
        return state

    def console(self, account: str) -> Connection:
        return Connection(self.world.address, user=account, secret=self.classroom.secrets[account])


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    async with World() as world:
        store, news = ClassStore(tmp_path / "trainer"), asyncio.Event()
        made = await set_up(
            world.admin, plan("monday", people=["Ann", "Ben"]), valid_for=timedelta(hours=1), keep=store.write
        )
        shared = ClassServer(server=world.address, data=world.data)
        practices = {
            member.person: ClassPractice(
                classroom=made,
                member=member,
                shared=shared,
                scores=store.scores("monday"),
                changed=news.set,
                slowly=False,
            )
            for member in made.members
        }
        yield Room(world, made, store, practices, news)
        await asyncio.gather(*(practice.close() for practice in practices.values()))


async def test_both_solve_an_exercise_at_the_same_time_with_accounts_of_their_own(room: Room) -> None:
    hold, join = row_exercise(14), row_exercise(38)
    assert (hold.trainee, join.trainee) == ("alice", "bob"), "one in each part"
    await asyncio.gather(
        room.practices["Ann"].start(hold, language="en"), room.practices["Ben"].start(join, language="nl")
    )
    ann = await room.until("Ann", lambda state: state.is_turn)
    ben = await room.until("Ben", lambda state: state.is_turn)
    assert (ann.account, ben.account) == ("monday-1", "monday-2")
    async with room.console("monday-1") as hers, room.console("monday-2") as theirs:
        assert [entry.session for entry in (await ConsoleClient(hers).queue()).entries] == [ann.session]
        assert [entry.session for entry in (await ConsoleClient(theirs).queue()).entries] == [ben.session]
        mine = await ConsoleClient(hers).create_pin("Mr Bos")
        await ConsoleClient(hers).hold(ann.session)
        await ConsoleClient(theirs).start(ben.session)
        for person in ("Ann", "Ben"):
            over = await room.until(person, lambda state: state.phase is RunPhase.OVER)
            assert (over.solved, over.wrong) == (True, 0), over
        scores = room.store.scores("monday").read()
        assert {(score.person, score.exercise, score.solved) for score in scores} == {
            ("Ann", "14", True),
            ("Ben", "38", True),
        }
        await room.practices["Ann"].stop()
        left = [entry.session for entry in (await ConsoleClient(hers).queue()).entries]
        assert left == [mine.session], "their own session stays when the exercise's is cleared away"
    there = await room.world.admin.organization()
    assert "Support-monday-1" in {group.name for group in there.groups}, "the class stays"


async def test_nobody_knows_of_another_group_or_can_give_it_a_session(room: Room) -> None:
    async with room.console("monday-1") as hers:
        ann = ConsoleClient(hers)
        directory = await ann.directory()
        assert {who.name for who in directory.technicians} == {
            "monday-1", "alice-monday-1", "bob-monday-1", "carol-monday-1", "dave-monday-1",
        }  # fmt: skip
        assert (directory.groups, directory.channels) == (("Network-monday-1", "Support-monday-1"), ("Web-monday-1",))
        created = await ann.create_pin("Ms Vos")
        await room.world.computer(pin=created.pin)
        await ann.start(created.session)
        for kind, name in (("technician", "monday-2"), ("group", "Support-monday-2"), ("channel", "Web-monday-2")):
            with pytest.raises(NotFound) as refused:
                await ann.transfer(created.session, Target(kind=TargetKind(kind), name=name))
            assert "bob-monday-2" not in str(refused.value)
        for name in ("monday-2", "bob", "nobody"):
            with pytest.raises(NotFound, match=f"there is no technician '{name}'"):
                await ann.invite(created.session, name)
    alice = await room.world.technician("alice")
    reply = await alice.command("queue")
    assert reply["entries"] == []


async def test_who_acts_before_the_exercise_has_begun_is_told_to_begin_again(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    caught_up = Coach._caught_up

    async with room.console("monday-1") as hers:

        async def hasty(coach: Coach) -> None:
            await caught_up(coach)
            for entry in (await ConsoleClient(hers).queue()).entries:
                if entry.status == Status.ACTIVE:
                    await ConsoleClient(hers).hold(entry.session)
                    await caught_up(coach)

        monkeypatch.setattr(Coach, "_caught_up", hasty)
        await room.practices["Ann"].start(row_exercise(14), language="en")
        failed = await room.until("Ann", lambda state: state.phase is RunPhase.FAILED)
    assert "before the exercise had begun: start it again" in failed.explanation
    monkeypatch.undo()
    await room.practices["Ann"].start(row_exercise(14), language="en")
    await room.until("Ann", lambda state: state.is_turn)


async def test_a_timeout_of_one_group_moves_no_due_time_of_another(room: Room) -> None:
    async with room.console("monday-1") as hers, room.console("monday-2") as theirs:
        ben = ConsoleClient(theirs)
        await room.world.admin.change_settings("group:Support-monday-2", {"connecting-timeout": "1m"})
        await ben.create_pin("Ms Vos")
        before, now = (await ben.queue()).entries, await room.world.clock.show()
        assert before[0].due_at is not None

        await room.practices["Ann"].start(row_exercise(5), language="en")
        asked = await room.until("Ann", lambda state: bool(state.question))
        assert asked.task == f"Session {asked.session} is Waiting in your queue. Watch what becomes of it."
        assert room.practices["Ann"].own_door is not None
        assert await shown(room, "Ann") == [asked.session]
        assert (await ConsoleClient(hers).queue()).entries == (), "it is on the exercise's own server"
        room.practices["Ann"].answer("Removed from TC queue")
        over = await room.until("Ann", lambda state: state.phase is RunPhase.OVER)
        assert (over.solved, over.right) == (True, 1), over

        assert (await ben.queue()).entries == before
        assert await room.world.clock.show() == now
        await room.practices["Ann"].stop()
        assert room.practices["Ann"].own_queue is None
    [score] = room.store.scores("monday").read()
    assert (score.person, score.exercise, score.solved) == ("Ann", "5", True)


async def test_a_killed_server_loses_no_score_and_the_exercise_goes_on(room: Room) -> None:
    ann, ben = room.practices["Ann"], room.practices["Ben"]
    async with room.console("monday-1") as hers, room.console("monday-2") as theirs:
        await asyncio.gather(ann.start(row_exercise(14), language="en"), ben.start(row_exercise(14), language="en"))
        await ConsoleClient(hers).hold((await room.until("Ann", lambda state: state.is_turn)).session)
        await room.until("Ann", lambda state: state.phase is RunPhase.OVER)
        session = (await room.until("Ben", lambda state: state.is_turn)).session

        await room.world.kill_server()
        [score] = room.store.scores("monday").read()
        assert (score.person, score.solved) == ("Ann", True)
        await room.world.restart_server()
        await ConsoleClient(theirs).hold(session)
        over = await room.until("Ben", lambda state: state.phase is not RunPhase.RUNNING)
        assert (over.phase, over.solved, over.wrong) == (RunPhase.OVER, True, 0), over
    assert len(room.store.scores("monday").read()) == 2


async def test_exercises_that_move_the_clock_are_done_at_the_same_time(room: Room) -> None:
    await asyncio.gather(*(one.start(row_exercise(9), language="en") for one in room.practices.values()))
    for person, practice in room.practices.items():
        await room.until(person, lambda state: state.is_turn or bool(state.question) or bool(state.verdict))
        assert practice.own_door is not None
    doors = {practice.own_door.server for practice in room.practices.values() if practice.own_door}
    assert len(doors) == 2


def test_the_largest_class_may_follow_the_journal_for_everybody() -> None:
    for_each = 3  # its events, the refused commands, and one to spare
    assert LIMITS.streams_per_administrator > for_each * MOST_PEOPLE


async def test_an_exercise_whose_journal_is_refused_fails_and_says_so(tmp_path: Path) -> None:
    news = asyncio.Event()
    scores = ClassStore(tmp_path).scores("monday")
    few = partial(World, options=("--limit", "streams-per-administrator=1"))
    practice = Practice(person="Ann", scores=scores, changed=news.set, slowly=False, world=few)
    await practice.start(row_exercise(14), language="en")
    async with asyncio.timeout(30):
        while practice.state is None or practice.state.phase is not RunPhase.FAILED:
            news.clear()
            await news.wait()
    assert "at most 1" in practice.state.explanation
    await practice.close()


async def shown(room: Room, person: str) -> list[object]:
    """Wait until the trainer sees the queue of an exercise's own server; return its sessions."""
    async with asyncio.timeout(30):
        while not (entries := room.practices[person].own_queue):
            room.news.clear()
            await room.news.wait()
    return [entry["session"] for entry in entries]


async def test_a_reset_in_the_middle_of_an_exercise_is_nobody_s_mistake(room: Room) -> None:
    await room.practices["Ann"].start(row_exercise(14), language="nl")
    await room.until("Ann", lambda state: state.is_turn)
    await room.world.admin.reset_sessions()
    failed = await room.until("Ann", lambda state: state.phase in (RunPhase.OVER, RunPhase.FAILED))
    assert (failed.phase, failed.wrong, failed.lines[-1].text) == (RunPhase.FAILED, 0, "U bent aan de beurt.")
    assert "deze poging telt niet mee" in failed.explanation
    assert room.store.scores("monday").read() == ()
    await room.practices["Ann"].start(row_exercise(14), language="nl")
    await room.until("Ann", lambda state: state.is_turn)
