"""What the customer sees of their computer after each event. Does no I/O."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from rescue_applet import events

CHAT_LINES_KEPT = 200


class Power(StrEnum):
    """Whether the computer runs."""

    ON = "on"
    OFF = "off"
    STARTING = "starting"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenModel:
    """The computer and the applet's window. `starts` counts the computer's boots.

    `unsent` are the customer's lines that the server has not confirmed yet."""

    power: Power = Power.STARTING
    starts: int = 0
    cable: bool = True
    faults: tuple[str, ...] = ()
    pid: int = 0
    link: events.LinkState | None = None
    session: str = ""
    terms: str = ""
    view: events.CustomerView | None = None
    chat: tuple[events.ChatLineReceived, ...] = ()
    unsent: tuple[str, ...] = ()
    ended: str = ""

    @property
    def asks_terms(self) -> bool:
        """Whether the customer still has to answer the terms."""
        return bool(self.terms) and not self.session and not self.ended

    def after(self, event: events.Event) -> ScreenModel:
        """Return the picture with one more event."""
        match event:
            case events.AppletStarted(pid=pid):
                booted = self.power is not Power.ON
                return replace(self, power=Power.ON, pid=pid, starts=self.starts + booted, link=None)
            case events.Rebooting():
                return replace(self, power=Power.OFF, pid=0, link=None)
            case events.CableChanged(state=state, faults=faults):
                return replace(self, cable=state is events.CableState.ON, faults=tuple(faults))
            case events.LinkChanged(state=state):
                return replace(self, link=state)
            case events.Terms(text=text):
                return replace(self, terms=text)
            case events.Joined(session=session):
                return replace(self, session=session)
            case events.CustomerView():
                return replace(self, view=event)
            case events.ChatLineReceived():
                unsent = self.unsent if event.sender else _without(self.unsent, event.text)
                return replace(self, chat=(*self.chat, event)[-CHAT_LINES_KEPT:], unsent=unsent)
            case events.ChatLineUnsent():
                return self  # it was written here
            case events.Ended(reason=reason):
                return replace(self, ended=reason, pid=0, link=None)
            case events.Error():
                return replace(self, unsent=_without(self.unsent, event.unsent))

    def with_unsent(self, text: str) -> ScreenModel:
        """Return the picture with a chat line that the customer has just written."""
        return replace(self, unsent=(*self.unsent, text))


def _without(lines: tuple[str, ...], text: str) -> tuple[str, ...]:
    place = lines.index(text) if text in lines else len(lines)
    return (*lines[:place], *lines[place + 1 :])
