"""From a recorded journal to a scenario file: what people did by hand, to be played again.

The journal has effects, a scenario has what people do; so a lost link becomes a cable that is pulled one period
earlier, and what came by itself is waited for. Times are rounded to seconds. A crash of the applet or a pulled plug
looks the same as a pulled cable from the server's side, and is written as one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import yaml

from rescue_emulator.scenarios.language import CUSTOMER, SETTINGS, TECHNICIANS
from rescue_emulator.scenarios.model import BadScenario
from rescue_emulator.scenarios.reading import read_text
from rescue_protos.durations import format_duration, parse_duration

Line = Mapping[str, Any]
_GROUPS = ("Support", "Network")
_BOOT = timedelta(seconds=30)  # what a computer takes if nobody says otherwise
_TIMED = {"LinkLost", "LinkOffline", "ConnectingTimedOut", "WaitingTimedOut", "IdleTimedOut"}


def read_journal(text: str) -> list[Line]:
    """Return the lines of `rescue events --json`. Raises BadScenario."""
    try:
        lines = [json.loads(line) for line in text.splitlines() if line.strip()]
        return [line for line in lines if line["event"] == "journal"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadScenario(f"this is no journal, as `rescue events --json` prints it: {error}") from None


def recorded(lines: Iterable[Line], sessions: Sequence[str] = (), *, title: str = "Recorded") -> str:
    """Return the text of a scenario file that plays these sessions, all of them if none is named.

    Raises BadScenario if there are none, or if the organization has what a scenario cannot have.
    """
    events = list(lines)
    known = dict.fromkeys(line["stream"] for line in events if line["stream"] != "organization")
    wanted = list(sessions) or list(known)
    if missing := [session for session in wanted if session not in known] or (not wanted and ["any session"]):
        raise BadScenario(f"the journal does not have {', '.join(missing)}")
    people = {n: n for n in wanted}
    names = {s: CUSTOMER if len(people) == 1 else f"customer-{number}" for number, s in enumerate(people, 1)}
    writer = _Writer(customers=names)
    for number, line in enumerate(events):
        if line["stream"] == "organization" or line["stream"] in names:
            writer.take(line, [one for one in events[number + 1 :] if one["stream"] == line["stream"]])
    text = writer.text(title)
    read_text(text, source="the recorded scenario")  # what is written must be readable, whatever people wrote in chat
    return text


@dataclass(slots=True, kw_only=True)
class _Writer:
    """Makes steps of events."""

    customers: Mapping[str, str]
    steps: list[tuple[str, str]] = field(default_factory=list)
    settings: dict[str, dict[str, str]] = field(default_factory=dict)
    extra: dict[str, str] = field(default_factory=dict)
    queues: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    focus: dict[str, bool] = field(default_factory=dict)
    now: datetime | None = None
    dark: set[str] = field(default_factory=set)  # sessions whose cable was pulled

    def take(self, line: Line, later: Sequence[Line]) -> None:
        at, body, name = datetime.fromisoformat(line["at"]), line["body"], line["name"]
        if line["stream"] == "organization":
            self._organization(at, name, body)
            return
        session = line["stream"]
        if name == "LinkLost":
            self.steps.append((self.customers[session], "lan off"))
            self.dark.add(session)
            self._wait(at, at_least=parse_duration(line["setting_value"] or "60s"))
        else:
            self._wait(at, up=name in _TIMED)
        steps = list(self._said(session, name, body, later))
        self.steps += steps
        changes = line["changes"]
        by_technician = steps and all(who not in self.customers.values() for who, _ in steps)
        for change in changes:
            row = f", row {change['row']}" if change["row"] else ""
            queue = self.queues.setdefault(change["technician"], {}).setdefault(session, [])
            queue.append(f"{change['status']}{row}")
        if changes and not by_technician:
            first = changes[0]
            self.steps.append((first["technician"], f"sees {first['status']}{self._of(session)}"))

    def _organization(self, at: datetime, name: str, body: Mapping[str, Any]) -> None:
        if name == "TechnicianAdded" and body["name"] not in TECHNICIANS:
            if body["group"] not in _GROUPS:
                raise BadScenario(f"{body['name']} is of {body['group']}: a scenario has only {' and '.join(_GROUPS)}")
            self.extra[body["name"]] = body["group"]
        if name != "SettingsChanged":
            return
        changed = {key.replace("_", "-"): _period(value) for key, value in body.get("periods", {}).items()}
        if body.get("terms") is not None:
            changed["terms"] = body["terms"]
        if not self.steps:
            self.settings.setdefault(body["owner"], {}).update(changed)
            return
        self._wait(at)
        for key, value in changed.items():
            self.steps.append(("admin", f"set {body['owner']} {key}={value}"))

    def _wait(self, at: datetime, *, at_least: timedelta = timedelta(0), up: bool = False) -> None:
        """Let the time go by that went by; whole seconds, the rest is carried on."""
        gap = max(at - self.now if self.now else timedelta(0), at_least)
        seconds = (math.ceil if up else math.floor)(gap.total_seconds())
        if seconds > 0:
            self.steps.append(("clock", f"advance {format_duration(timedelta(seconds=seconds))}"))
        self.now = max((self.now or at) + timedelta(seconds=max(seconds, 0)), at if at_least else self.now or at)

    def _of(self, session: str) -> str:
        return f" for {self.customers[session]}" if len(self.customers) > 1 else ""

    def _said(
        self, session: str, name: str, body: Mapping[str, Any], later: Sequence[Line]
    ) -> Iterable[tuple[str, str]]:
        """What somebody did that made this event."""
        who, customer, of = str(body.get("technician", "")), self.customers[session], self._of(session)
        match name:
            case "SessionCreated" if body.get("channel"):
                yield customer, f"run applet channel:{body['channel']}{_terms(body, later)}"
            case "SessionCreated":
                yield who, f"pin{of}"
            case "PinRedeemed":
                yield customer, f"run applet{_terms(body, later)}"
            case "AppletJoined" if "ask" in self._applet(customer):
                yield customer, "accept"
            case "SessionStarted":
                yield who, f"start{of}"
            case "SessionHeld":
                yield who, f"hold{of}"
            case "SessionTransferred":
                comment = " ".join(body["comment"].split())
                yield who, f"transfer {body['target']}" + (f" comment {comment}" if comment else "") + of
            case "TechnicianInvited":
                yield who, f"invite {body['invited']}{of}"
            case "TechnicianRemoved":
                yield who, f"remove {body['removed']}{of}"
            case "LeadOffered":
                yield who, f"lead offer {body['to']}{of}"
            case "LeadOfferCancelled":
                yield who, f"lead cancel{of}"
            case "LeadAccepted":
                yield who, f"lead accept{of}"
            case "RebootOrdered":
                yield who, f"reboot{of}"
            case "RebootBegan" if not who:
                back = next((line for line in later if line["name"] == "LinkRestored"), None)
                yield customer, "reboot" if back else "reboot hold"
            case "RebootBegan":
                return
            case "LinkRestored" if session in self.dark:
                self.dark.discard(session)
                yield customer, "lan on"
            case "LinkRestored":
                self._boot()
            case "ChatSent":
                text = " ".join(body["text"].split())
                yield (who, f"chat{of} {text}") if who else (customer, f"chat {text}")
            case "ProcessOpened":
                yield who, f"open {body['process']}{of}"
            case "ProcessClosed":
                yield who, f"close {body['process']}{of}"
            case "SessionEnded" | "CollaboratorLeft" | "EntryDismissed":
                yield who, f"end{of}"
            case "AppletClosed":
                yield customer, "close"
            case "FocusChanged" if self.focus.get(who, True) != body["focused"]:
                self.focus[who] = body["focused"]
                yield who, f"focus {'on' if body['focused'] else 'off'}"

    def _boot(self) -> None:
        """A boot takes thirty seconds when it is played; let at least so much go by since the computer went down."""
        passed = timedelta(0)
        for who, what in reversed(self.steps):
            if who == "clock":
                passed += parse_duration(what.removeprefix("advance "))
            elif "sees Rebooting" in what or what.startswith("reboot"):
                break
        if passed < _BOOT:
            self.steps.append(("clock", f"advance {format_duration(_BOOT - passed)}"))

    def _applet(self, customer: str) -> str:
        return next((what for who, what in reversed(self.steps) if who == customer and what.startswith("run")), "")

    def text(self, title: str) -> str:
        document: dict[str, Any] = {"title": title}
        participants: dict[str, Any] = {}
        if len(self.customers) > 1:
            participants["customers"] = list(self.customers.values())
        if self.extra:
            participants["technicians"] = self.extra
        if participants:
            document["participants"] = participants
        if known := {o: {k: v for k, v in s.items() if k in SETTINGS} for o, s in self.settings.items()}:
            document["settings"] = known
        document["steps"] = [{who: what} for who, what in self.steps]
        several = len(self.customers) > 1
        document["queues"] = {
            name: {self.customers[s]: q for s, q in queues.items()} if several else next(iter(queues.values()))
            for name, queues in self.queues.items()
        }
        written: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=10_000)
        return written


def _terms(body: Mapping[str, Any], later: Sequence[Line]) -> str:
    """What the customer did about the terms, if it was anything else than accepting them at once."""
    answer = next((line for line in later if line["name"] in ("AppletJoined", "TermsDeclined")), None)
    if answer is None:
        return " terms:ask"
    if answer["name"] == "TermsDeclined":
        return " terms:decline"
    return "" if answer["body"]["at"] == body["at"] else " terms:ask"


def _period(written: str) -> str:
    """Return a period of a stored event as `rescue admin set` takes it."""
    seconds = float(written.removeprefix("P").removeprefix("T").removesuffix("S") or 0)
    return format_duration(timedelta(seconds=seconds))
