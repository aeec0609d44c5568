"""Judges by the journal what a trainee does: the step that was asked for, another one, or another way. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from rescue_client.journal import JournalLine
from rescue_emulator.exercises.model import Exercise
from rescue_emulator.scenarios.model import ShownStatus, Step

_EVENTS: dict[str, tuple[str, ...]] = {
    "pin": ("SessionCreated",),
    "start": ("SessionStarted",),
    "hold": ("SessionHeld",),
    "transfer": ("SessionTransferred",),
    "invite": ("TechnicianInvited",),
    "remove": ("TechnicianRemoved",),
    "lead offer": ("LeadOffered",),
    "lead accept": ("LeadAccepted",),
    "lead cancel": ("LeadOfferCancelled",),
    "reboot": ("RebootOrdered",),
    "open": ("ProcessOpened",),
    "close": ("ProcessClosed",),
    "chat": ("ChatSent",),
    "note": ("NoteAdded",),
    "end": ("SessionEnded", "CollaboratorLeft", "EntryDismissed"),
}
"""The events that each command of a technician leads to."""

_OBJECTS = {
    "transfer": "target",
    "invite": "invited",
    "remove": "removed",
    "lead offer": "to",
    "open": "process",
    "close": "process",
}
"""The field of the event that has what follows the command."""

_COMMAND_EVENTS = frozenset(event for events in _EVENTS.values() for event in events) - {"ChatSent", "NoteAdded"}
"""Events that count as a try. Everybody may chat and write notes."""


class Judgement(StrEnum):
    """What a line of the journal means for the exercise."""

    NOTHING = "nothing"
    DONE = "done"  # the trainee took the step that was asked for
    WRONG = "wrong"  # the trainee did something else, and can still go on
    OTHER_WAY = "other way"  # the end status was reached, but not by the row's steps
    ASTRAY = "astray"  # the queue showed what the exercise does not lead to: it has to begin again


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One attempt. Pass it the session's journal, line by line, and the step that the trainee is asked for."""

    exercise: Exercise
    has_begun: bool = False
    wanted: Step | None = None
    wrong: int = 0
    in_focus: bool = False
    shown: list[ShownStatus] = field(default_factory=list)

    def begins(self) -> bool:
        """Whether the trainee's queue shows the start status of the exercise, and nothing beyond."""
        return len(self.shown) == self.exercise.begins_after

    @property
    def is_solved(self) -> bool:
        """Whether the trainee's queue has shown all that it has to show, and nothing else."""
        return tuple(self.shown) == self.exercise.expected

    def take(self, line: JournalLine) -> Judgement:
        """Take in the next line of the journal."""
        self._follow_focus(line)
        for change in line.changes:
            if change.technician == self.exercise.trainee:
                self.shown.append(ShownStatus(status=change.status, row=change.row))
        if not self.has_begun:
            return Judgement.NOTHING
        is_step = self.wanted is not None and is_taken_by(line, self.wanted, self.exercise.trainee)
        if is_step:
            self.wanted = None
        is_try = line.body.get("technician") == self.exercise.trainee and line.name in _COMMAND_EVENTS
        if not is_step and is_try:
            self.wrong += 1
        if tuple(self.shown) != self.exercise.expected[: len(self.shown)]:
            return self._how_it_deviates()
        if is_step:
            return Judgement.DONE
        return Judgement.WRONG if is_try else Judgement.NOTHING

    def _how_it_deviates(self) -> Judgement:
        last, row = self.shown[-1], self.exercise.scenario.row
        same_end = bool(self.exercise.expected) and last.status == self.exercise.expected[-1].status
        return Judgement.OTHER_WAY if same_end and last.row != row else Judgement.ASTRAY

    def _follow_focus(self, line: JournalLine) -> None:
        trainee, body = self.exercise.trainee, line.body
        if line.name == "FocusChanged":
            if body.get("technician") == trainee:
                self.in_focus = bool(body.get("focused"))
        elif trainee in (change.technician for change in line.changes if change.previous is None):
            focused = body.get("focused", ())
            self.in_focus = focused if isinstance(focused, bool) else trainee in focused


def is_taken_by(line: JournalLine, step: Step, trainee: str) -> bool:
    """Return whether an event of the journal is what a technician's step leads to."""
    verb = next((verb for verb in sorted(_EVENTS, key=len, reverse=True) if re.match(rf"{verb}\b", step.what)), "")
    if line.body.get("technician") != trainee or line.name not in _EVENTS.get(verb, ()):
        return False
    rest = step.what.removeprefix(verb).partition(" comment ")[0].strip()
    return verb not in _OBJECTS or line.body.get(_OBJECTS[verb]) == rest
