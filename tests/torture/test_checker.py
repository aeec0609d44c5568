"""The checker is believed because it says no: histories that it must not let pass, each wrong in one way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from rescue_server.core.events import (
    AppletJoined,
    ChatSent,
    LinkLost,
    PinRedeemed,
    SessionCreated,
    SessionHeld,
    SessionStarted,
)
from rescue_server.core.organization import GroupAdded, TechnicianAdded
from rescue_server.runtime.state import AnyEvent, EngineState, updates_of
from rescue_server.store import StoredEvent
from tests.torture.checker import judge
from tests.torture.history import Command, Console, History, Outcome, Restart, Seen, digest

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(minutes: float) -> datetime:
    return NOON + minutes * MINUTE


EVENTS: list[AnyEvent] = [
    GroupAdded(at=NOON, name="Support"),
    TechnicianAdded(at=NOON, name="alice", group="Support"),
    SessionCreated(
        session="1001",
        at=at(1),
        owner="group:Support",
        technician="alice",
        customer="t1",
        pin="123456",
        entries=("alice",),
    ),
    PinRedeemed(session="1001", at=at(2), ticket_hash="hash"),
    AppletJoined(session="1001", at=at(2)),
    SessionStarted(session="1001", at=at(3), technician="alice"),
    ChatSent(session="1001", at=at(4), technician="alice", text="t2"),
    SessionHeld(session="1001", at=at(5), technician="alice"),
]


def sound() -> History:
    """A history in which alice makes a PIN, the server dies, and alice writes to the customer afterwards."""
    desk, journal, seen = EngineState(), [], [Seen(kind="snapshot", revision=2)]
    for event in EVENTS:
        step = desk.apply(event)
        journal.append(step.stored())
        for update in updates_of(step).values():
            changed = update.entry if update.status_changed else None
            seen.append(
                Seen(
                    kind="delta",
                    revision=step.revision,
                    session="1001",
                    previous=str(update.previous) if changed and update.previous else None,
                    status=str(changed.status) if changed else None,
                )
            )
    commands = [
        command("r1", "pin", revision=3, token="t1", session="", answered=1),
        command("r2", "start", revision=6, answered=3),
        command("r3", "chat", revision=7, token="t2", answered=4),
        command("r4", "hold", revision=8, answered=5),
    ]
    death = Restart(died=2, last_revision=3, digest=digest(journal[:3]), answers=frozenset({"r1"}))
    return History(
        seed=1,
        commands=commands,
        consoles=[Console(name="alice/0", technician="alice", synced=8, seen=seen)],
        restarts=[death],
        kills=1,
        alive={"1001"},
        journal=journal,
        answers={"r1": 3, "r2": 6, "r3": 7, "r4": 8},
        clock=at(6),
        exits=[0],
    )


def command(
    request: str, kind: str, *, revision: int, answered: float, token: str = "", session: str = "1001"
) -> Command:
    return Command(
        request=request,
        technician="alice",
        kind=kind,
        session=session,
        token=token,
        invoked=answered - 0.5,
        outcome=Outcome.ANSWERED,
        revision=revision,
        answered=answered,
    )


def rewrite(history: History, *events: AnyEvent) -> list[StoredEvent]:
    """The journal with further events."""
    desk = EngineState()
    return [desk.apply(event).stored() for event in (*EVENTS, *events)]


def lose_an_acknowledged_command(h: History) -> None:
    h.restarts[0] = replace(h.restarts[0], died=10.0)


def lose_its_answer(h: History) -> None:
    del h.answers["r3"]


def answer_otherwise_than_stored(h: History) -> None:
    h.answers["r3"] = 6


def rewrite_the_past(h: History) -> None:
    h.restarts[0] = replace(h.restarts[0], digest="another")


def leave_a_gap_in_the_journal(h: History) -> None:
    assert h.journal is not None
    del h.journal[6]


def turn_back_time(h: History) -> None:
    assert h.journal is not None
    h.journal[6] = msgspec.structs.replace(h.journal[6], at=at(1))


def take_effect_twice(h: History) -> None:
    h.journal = rewrite(h, ChatSent(session="1001", at=at(6), technician="alice", text="t2"))


def answer_a_retry_otherwise(h: History) -> None:
    h.commands.append(replace(h.commands[2], revision=8))


def carry_out_what_was_refused(h: History) -> None:
    h.commands[2] = replace(h.commands[2], outcome=Outcome.REFUSED)


def leave_an_effect_without_its_answer(h: History) -> None:
    h.commands[2] = replace(h.commands[2], outcome=Outcome.UNKNOWN)
    del h.answers["r3"]


def leave_an_answer_without_its_effect(h: History) -> None:
    h.commands[2] = replace(h.commands[2], outcome=Outcome.UNKNOWN, token="t9")


def store_the_command_of_another(h: History) -> None:
    h.commands[1] = replace(h.commands[1], technician="bob")


def skip_an_update(h: History) -> None:
    del h.consoles[0].seen[3]


def skip_the_last_update(h: History) -> None:
    del h.consoles[0].seen[-1]


def show_an_update_twice(h: History) -> None:
    h.consoles[0].seen.insert(3, h.consoles[0].seen[3])


def show_updates_in_another_order(h: History) -> None:
    seen = h.consoles[0].seen
    seen[2], seen[3] = seen[3], seen[2]


def show_what_never_was(h: History) -> None:
    h.consoles[0].seen[-1] = replace(h.consoles[0].seen[-1], status="Closed")


def show_what_is_not_stored(h: History) -> None:
    h.consoles[0].seen.append(Seen(kind="delta", revision=9, session="1001", previous="On Hold", status="Active"))


def list_the_queue_anew(h: History) -> None:
    h.consoles[0].seen.insert(3, Seen(kind="snapshot", revision=4, queue=(("1001", "Connecting"),)))


def list_a_wrong_queue(h: History) -> None:
    h.consoles[0].seen[0] = Seen(kind="snapshot", revision=2, queue=(("1001", "Active"),))


def bookmark_too_early(h: History) -> None:
    h.consoles[0].seen.insert(2, Seen(kind="bookmark", revision=7))


def lose_a_link_that_nobody_harmed(h: History) -> None:
    h.journal = rewrite(h, LinkLost(session="1001", at=at(5.5), period=MINUTE))
    h.consoles[0].seen.append(Seen(kind="delta", revision=9, session="1001", previous="On Hold", status="Reconnecting"))


def not_notice_a_dead_applet(h: History) -> None:
    h.alive, h.dead, h.silenced = set(), {"1001"}, {"1001"}


def let_a_timer_pass(h: History) -> None:
    h.journal = rewrite(
        h,
        SessionCreated(
            session="1002", at=at(6), owner="group:Support", technician="alice", pin="654321", entries=("alice",)
        ),
    )
    h.consoles[0].seen.append(Seen(kind="delta", revision=9, session="1002", previous=None, status="Connecting"))
    h.clock = at(60)


def end_badly_when_asked_to_stop(h: History) -> None:
    h.exits.append(1)


def run_and_answer_nobody(h: History) -> None:
    h.stuck.append(1)


WRONGS: list[Callable[[History], None]] = [
    lose_an_acknowledged_command, lose_its_answer, answer_otherwise_than_stored, rewrite_the_past,
    leave_a_gap_in_the_journal, turn_back_time, take_effect_twice, answer_a_retry_otherwise,
    carry_out_what_was_refused, leave_an_effect_without_its_answer, leave_an_answer_without_its_effect,
    store_the_command_of_another, skip_an_update, skip_the_last_update, show_an_update_twice,
    show_updates_in_another_order, show_what_never_was, show_what_is_not_stored, list_the_queue_anew,
    list_a_wrong_queue, bookmark_too_early, lose_a_link_that_nobody_harmed, not_notice_a_dead_applet,
    let_a_timer_pass, end_badly_when_asked_to_stop, run_and_answer_nobody,
]  # fmt: skip


def test_a_sound_history_passes() -> None:
    verdict = judge(sound())
    assert verdict.answer == "yes", verdict


@pytest.mark.parametrize("doctor", WRONGS, ids=lambda doctor: doctor.__name__)
def test_a_doctored_history_does_not(doctor: Callable[[History], None]) -> None:
    history = sound()
    doctor(history)
    verdict = judge(history)
    assert verdict.answer == "no", verdict


def not_read_the_store(h: History) -> None:
    h.journal = None


def not_look_into_a_death(h: History) -> None:
    h.restarts.clear()


def command_nothing(h: History) -> None:
    h.commands.clear()


def watch_nothing(h: History) -> None:
    h.consoles.clear()


def not_wait_for_a_console(h: History) -> None:
    h.consoles[0].synced = None


@pytest.mark.parametrize(
    "doctor",
    [not_read_the_store, not_look_into_a_death, command_nothing, watch_nothing, not_wait_for_a_console],
    ids=lambda doctor: doctor.__name__,
)
def test_a_history_with_holes_is_unknown(doctor: Callable[[History], None]) -> None:
    history = sound()
    doctor(history)
    assert judge(history).answer == "unknown"
