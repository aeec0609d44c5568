"""Judges the history of a torture run: yes, no, or unknown. Pure: it sees nothing but the history.

The journal that is left at the end is the truth that everything else is compared with; that it is itself one that the
core can make, in order of time, is checked first. "Unknown" is no pass: it means that something was not observed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

from rescue_protos.status_table import row_of
from rescue_server.core.events import (
    ChatSent,
    CollaboratorLeft,
    EntryDismissed,
    FocusChanged,
    LeadAccepted,
    LeadOffered,
    LinkLost,
    SessionCreated,
    SessionEnded,
    SessionHeld,
    SessionStarted,
    SessionTransferred,
    TechnicianInvited,
)
from rescue_server.core.organization import OrganizationEvent
from rescue_server.core.status import Link
from rescue_server.core.timers import DeadlineKind, deadlines
from rescue_server.runtime.state import AnyEvent, EngineState, read_event, updates_of
from tests.torture.history import Command, Console, History, Outcome, Seen, digest

EFFECTS: dict[str, tuple[type, ...]] = {
    "pin": (SessionCreated,),
    "start": (SessionStarted,),
    "hold": (SessionHeld,),
    "chat": (ChatSent,),
    "transfer": (SessionTransferred,),
    "invite": (TechnicianInvited,),
    "lead offer": (LeadOffered,),
    "lead accept": (LeadAccepted,),
    "end": (SessionEnded, CollaboratorLeft, EntryDismissed),
}
"""What a command leaves in the journal. Of the others there may be nothing, as when a process is open already."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """`answer` is "yes", "no" or "unknown"; `reasons` say why not yes."""

    answer: str
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n  ".join((self.answer, *self.reasons))


@dataclass(slots=True)
class _Truth:
    """The journal replayed: each event, what each queue had to show, and the state at the end."""

    desk: EngineState = field(default_factory=EngineState)
    events: dict[int, AnyEvent] = field(default_factory=dict)
    expected: dict[str, list[Seen]] = field(default_factory=dict)
    queues: dict[tuple[int, str], tuple[tuple[str, str], ...]] = field(default_factory=dict)


def judge(history: History) -> Verdict:
    """Return the verdict."""
    unknown = list(_unobserved(history))
    if history.journal is None or history.clock is None:
        return Verdict("unknown", tuple(unknown))
    try:
        truth = _replay(history)
    except Exception as error:  # whatever the core says of this journal
        return Verdict("no", (f"the journal makes no sense: {error!r}",))
    wrong = [
        *_journal(history),
        *_restarts(history),
        *_commands(history, truth),
        *(line for console in history.consoles for line in _console(console, truth)),
        *_links(history, truth),
        *_timers(history, truth),
    ]
    wrong += [f"after death {deaths} the server ran and answered nobody" for deaths in history.stuck]
    wrong += [f"a server that was asked to stop ended with status {status}" for status in history.exits if status]
    if wrong:
        return Verdict("no", tuple(wrong[:20]))
    return Verdict("unknown", tuple(unknown)) if unknown else Verdict("yes")


def _unobserved(history: History) -> Iterator[str]:
    if history.journal is None or history.clock is None:
        yield "nobody read the store at the end"
    if len(history.restarts) != history.kills or not history.kills:
        yield f"of {history.kills} deaths of the server {len(history.restarts)} were looked into"
    if not any(command.outcome is Outcome.ANSWERED for command in history.commands):
        yield "no command was ever answered"
    if not history.consoles:
        yield "nobody watched"
    for console in history.consoles:
        if console.synced is None and not console.killed:
            yield f"{console.name} never said that it had shown all"


def _replay(history: History) -> _Truth:
    truth = _Truth()
    listed = {
        (seen.revision, console.technician) for console in history.consoles for seen in console.seen if seen.queue
    }
    listed |= {
        (seen.revision, console.technician)
        for console in history.consoles
        for seen in console.seen
        if seen.kind == "snapshot"
    }
    wanted: dict[int, list[str]] = {}
    for revision, technician in listed:
        wanted.setdefault(revision, []).append(technician)
    for stored in history.journal or ():
        event = read_event(stored)
        step = truth.desk.apply(event, stored.revision)
        truth.events[stored.revision] = event
        for technician, update in updates_of(step).items():
            changed = update.status_changed and update.entry is not None
            truth.expected.setdefault(technician, []).append(
                Seen(
                    kind="delta",
                    revision=stored.revision,
                    session=update.session,
                    previous=str(update.previous) if changed and update.previous else None,
                    status=str(update.entry.status) if changed and update.entry else None,
                )
            )
        for technician in wanted.get(stored.revision, ()):
            truth.queues[stored.revision, technician] = tuple(
                (session.id, str(session.status_for(technician))) for session in truth.desk.queue_of(technician)
            )
    return truth


def _journal(history: History) -> Iterator[str]:
    journal = history.journal or []
    if [stored.revision for stored in journal] != list(range(1, len(journal) + 1)):
        yield "the journal has a gap"
    for before, after in pairwise(journal):
        if after.at < before.at:
            yield f"time went back between revisions {before.revision} and {after.revision}"


def _restarts(history: History) -> Iterator[str]:
    for number, restart in enumerate(history.restarts, 1):
        before = [stored for stored in history.journal or () if stored.revision <= restart.last_revision]
        if digest(before) != restart.digest:
            yield f"what was in the journal at death {number} is another thing, or not there, at the end"
        for command in history.commands:
            if command.outcome is not Outcome.ANSWERED or command.answered > restart.died:
                continue
            if command.request not in restart.answers or command.revision > restart.last_revision:
                yield f"{_name(command)} was acknowledged, and lost by death {number}"


def _commands(history: History, truth: _Truth) -> Iterator[str]:
    tokens = Counter(token for event in truth.events.values() if (token := _token_of(event)))
    answered: dict[str, int] = {}
    for command in history.commands:
        stored = history.answers.get(command.request)
        there = tokens[command.token] if command.token else None
        if command.outcome is Outcome.ANSWERED:
            if stored is None:
                yield f"{_name(command)} was acknowledged, but its answer is not there"
            elif stored != command.revision:
                yield f"{_name(command)} was answered with revision {command.revision}, and stored as {stored}"
            if answered.setdefault(command.request, command.revision) != command.revision:
                yield f"{_name(command)} was answered twice, and not the same"
            if there is not None and there != 1:
                yield f"{_name(command)} was acknowledged and took effect {there} times"
            yield from _effect(command, truth)
        elif command.outcome is Outcome.REFUSED and (stored is not None or there):
            yield f"{_name(command)} was refused and took effect all the same"
        elif there is not None and (there > 1 or (there == 1) != (stored is not None)):
            yield f"{_name(command)} is half there: {there} effects, answer {'stored' if stored else 'missing'}"
    last = max(truth.events, default=0)
    yield from (
        f"the answer to {key} speaks of revision {r}, which is not there"
        for key, r in history.answers.items()
        if r > last
    )


def _effect(command: Command, truth: _Truth) -> Iterator[str]:
    kinds = EFFECTS.get(command.kind)
    if kinds is None:
        return
    revision = command.revision
    while isinstance(truth.events.get(revision), FocusChanged):  # to start a session brings the focus along
        revision -= 1
    event = truth.events.get(revision)
    fits = isinstance(event, kinds) and not isinstance(event, OrganizationEvent)
    if not fits or getattr(event, "technician", "") != command.technician:
        yield f"{_name(command)} was acknowledged as revision {command.revision}, which is {type(event).__name__}"
    elif command.session and getattr(event, "session", "") != command.session:
        yield f"{_name(command)} is stored for another session"


def _token_of(event: AnyEvent) -> str:
    match event:
        case ChatSent(text=text):
            return text
        case SessionCreated(customer=customer):
            return customer
        case SessionTransferred(comment=comment):
            return comment
    return ""


def _console(console: Console, truth: _Truth) -> Iterator[str]:
    """Follow the console through what it had to be told; stop at the first thing that is wrong."""
    expected = truth.expected.get(console.technician, [])
    if console.statuses_only:
        expected = [update for update in expected if update.status is not None]
    revisions = [update.revision for update in expected]
    position: int | None = None
    for seen in console.seen:
        if seen.kind == "snapshot":
            if position is not None:
                yield f"{console.name} was listed anew at revision {seen.revision} instead of going on after {position}"
                return
            right = truth.queues.get((seen.revision, console.technician), ())
            if tuple(sorted(seen.queue)) != tuple(sorted(right)):
                yield f"{console.name} was shown {seen.queue} at revision {seen.revision}, not {right}"
                return
            position = seen.revision
            continue
        if position is None:
            yield f"{console.name} was told of revision {seen.revision} before it knew the queue"
            return
        following = bisect_right(revisions, position)
        if seen.kind == "bookmark":
            if following < len(expected) and revisions[following] <= seen.revision:
                yield f"{console.name} was told that all is shown up to {seen.revision}; {revisions[following]} was not"
                return
            position = max(position, seen.revision)
            continue
        if seen.revision <= position:
            yield f"{console.name} saw revision {seen.revision} again, after {position}"
            return
        if following >= len(expected) or expected[following] != seen:
            right_one = expected[following] if following < len(expected) else "nothing"
            yield f"{console.name} saw {seen} after {position}; {right_one} was next"
            return
        if seen.status and seen.previous and row_of(seen.previous, seen.status) is None:
            yield f"{console.name} saw {seen.previous} -> {seen.status}, which is no row of the table"
        position = seen.revision
    if console.synced is not None:
        following = bisect_right(revisions, position or 0)
        if following < len(expected) and revisions[following] <= console.synced:
            yield f"{console.name} never saw revision {revisions[following]}, but all to {console.synced} was shown"


def _links(history: History, truth: _Truth) -> Iterator[str]:
    for revision, event in truth.events.items():
        if isinstance(event, LinkLost) and event.session not in history.silenced:
            yield f"session {event.session} lost its link (revision {revision}) although nobody harmed its applet"
    for session_id in sorted(history.alive | history.dead):
        session = truth.desk.sessions.get(session_id)
        if session is None or session.ended_at is not None:
            continue
        if session_id in history.alive and session.link not in (Link.CONNECTED, Link.REBOOTING):
            yield f"the applet of session {session_id} runs, but did not come back: {session.link}"
        if session_id in history.dead and session.link is Link.CONNECTED:
            yield f"the applet of session {session_id} is gone, but nobody noticed"


def _timers(history: History, truth: _Truth) -> Iterator[str]:
    assert history.clock is not None
    for session in truth.desk.sessions.values():
        for deadline in deadlines(session, truth.desk.organization):
            if deadline.due <= history.clock and deadline.kind is not DeadlineKind.RECONNECTING:
                yield f"session {session.id}: {deadline.kind.name} was due at {deadline.due}, it is {history.clock}"


def _name(command: Command) -> str:
    return f"{command.technician}'s {command.kind} {command.session} ({command.request})"
