"""How events are shown on stdout: as JSON lines for a script, or as plain lines for a person."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import msgspec

from rescue_applet import events
from rescue_common.streams import lost_output
from rescue_common.terminal import safe


def json_line(event: events.Event) -> str:
    """Return the event as one JSON object."""
    # ASCII without control characters, whatever people write: the line may end up on a terminal.
    return json.dumps(msgspec.to_builtins(event)).replace("\x7f", "\\u007f")


def plain_line(event: events.Event) -> str:
    """Return the event as a sentence for a person."""
    match event:
        case events.AppletStarted():
            return f"The applet runs (process {event.pid})."
        case events.Terms():
            shown = "\n".join(map(safe, event.text.splitlines()))
            return f"{shown}\nDo you accept these terms? (accept / decline)"
        case events.Joined():
            return f"Joined session {event.session}."
        case events.LinkChanged(state=events.LinkState.CONNECTED):
            return "Connected."
        case events.LinkChanged():
            return "Connection lost; trying to reconnect."
        case events.CableChanged():
            faults = [fault for fault in event.faults if fault != "off"]
            seed = f" (seed {event.seed})" if event.seed is not None else ""
            return f"The network cable is {event.state}" + (f", with {', '.join(faults)}{seed}." if faults else ".")
        case events.Rebooting():
            return "The computer is rebooting."
        case events.ChatLineReceived():
            return f"{safe(event.sender) or 'You'}: {safe(event.text)}"
        case events.ChatLineUnsent():
            return f"You (not sent yet): {safe(event.text)}"
        case events.CustomerView():
            return _who_is_there(event)
        case events.Ended():
            return f"The session is over: {event.reason.replace('-', ' ')}."
        case events.Error():
            return safe(event.message)


def _who_is_there(view: events.CustomerView) -> str:
    if not view.lead:
        return "Waiting for a technician."
    also = f", with {safe(', '.join(view.collaborators))}" if view.collaborators else ""
    return f"{safe(view.lead)} {'has put you on hold' if view.on_hold else 'is helping you'}{also}."


class Printer:
    """A listener that prints.

    A refused command goes to stderr for a person, to stdout for a script. If stdout cannot be written any more,
    `on_output_lost` is called, once; unless its reader just ended, `is_output_lost` is true then.
    """

    def __init__(self, *, as_json: bool) -> None:
        self.on_output_lost: Callable[[], None] = lambda: None
        self.is_output_lost = False
        self._as_json = as_json

    def __call__(self, event: events.Event) -> None:
        if self._as_json:
            self._print(json_line(event))
        elif isinstance(event, events.Error):
            print(plain_line(event), file=sys.stderr, flush=True)
        else:
            self._print(plain_line(event))

    def failure(self, error: events.Error) -> None:
        """Print why the program gives up: one line on stderr, and for a script the event as well."""
        if self._as_json:
            self(error)
        print(f"rescue applet: {safe(error.message)}", file=sys.stderr, flush=True)

    def _print(self, line: str) -> None:
        try:
            print(line, flush=True)
        except OSError as error:
            lost = lost_output(error)
            if not lost.reader_is_gone:
                self.is_output_lost = True
                print(f"rescue applet: {lost}", file=sys.stderr, flush=True)
            self.on_output_lost()
