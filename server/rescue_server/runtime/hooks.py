"""The hooks of the engine: functions that other parts give it to call."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from rescue_server.runtime.state import AnyEvent, AppliedEvent


def _nothing_follows(applied: AppliedEvent) -> Sequence[AnyEvent]:
    """Return no further event: the default hook."""
    return ()


def _ignore_work(phase: str, seconds: float) -> None:
    """Do nothing: the default hook."""


def _ignore_append(seconds: float, events: int) -> None:
    """Do nothing: the default hook."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hooks:
    """`in_focus` returns the technicians in focus; `on_append` receives real seconds and a number of stored events.

    `on_work` receives what the loop did in one turn, and for how many real seconds: "publishing" or "deadlines".
    `follow_up` returns the events that follow from one in the same moment; they are stored with it.
    """

    in_focus: Callable[[], frozenset[str]] = frozenset
    on_append: Callable[[float, int], None] = _ignore_append
    on_work: Callable[[str, float], None] = _ignore_work
    follow_up: Callable[[AppliedEvent], Sequence[AnyEvent]] = _nothing_follows


class Subscriber(Protocol):
    """Receives each published event, in order."""

    def on_applied(self, applied: AppliedEvent) -> None:
        """Follow one published event; must not wait."""
