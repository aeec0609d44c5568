"""Makes a scenario file from a recorded journal, so that what people did by hand can be played again.

The journal has effects; a scenario has actions. So a lost link becomes a cable that is pulled one period earlier, and
a status that came by itself becomes a step that waits for it. Each step keeps its time since the first, in whole
seconds; a step that waits for the end of a period never comes too early. To the server a crash of the applet, a pulled
plug and any fault of the LAN look like a pulled cable, so each becomes one. Fault rules are not in the journal.
"""

from __future__ import annotations

import json
import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec
import yaml

from rescue_common.durations import format_duration, parse_duration
from rescue_emulator.scenarios.language import CUSTOMER, OWNERS, TECHNICIANS
from rescue_emulator.scenarios.model import BadScenario
from rescue_emulator.scenarios.reader import read_text
from rescue_emulator.scenarios.settings import SETTINGS
from rescue_emulator.world.people import GROUPS

Line = Mapping[str, Any]
_BOOT = timedelta(seconds=30)  # the default boot time of a computer
_TIMED = {"LinkLost", "LinkOffline", "ConnectingTimedOut", "WaitingTimedOut", "IdleTimedOut"}


def read_journal(text: str) -> list[Line]:
    """Return the lines of `rescue events --json`. Raises BadScenario."""
    try:
        lines = [json.loads(line) for line in text.splitlines() if line.strip()]
        return [line for line in lines if line["event"] == "journal"]
    except (ValueError, KeyError, TypeError) as error:
        raise BadScenario(f"this is no journal, as `rescue events --json` prints it: {error}") from None


def write_scenario(lines: Iterable[Line], sessions: Sequence[str] = (), *, title: str = "Recorded") -> str:
    """Return the text of a scenario file that plays these sessions; all sessions if none is named.

    Raises BadScenario if there are none, or if a scenario cannot express the organization.
    """
    events = list(lines)
    known = dict.fromkeys(line["stream"] for line in events if line["stream"] != "organization")
    wanted = list(sessions) or list(known)
    if missing := [session for session in wanted if session not in known] or (not wanted and ["any session"]):
        raise BadScenario(f"the journal does not have {', '.join(missing)}")
    unique = list(dict.fromkeys(wanted))
    names = {
        session: CUSTOMER if len(unique) == 1 else f"customer-{number}" for number, session in enumerate(unique, 1)
    }
    recorder = _Recorder(customers=names)
    for number, line in enumerate(events):
        if line["stream"] == "organization" or line["stream"] in names:
            recorder.add(line, [one for one in events[number + 1 :] if one["stream"] == line["stream"]])
    text = recorder.text(title)
    read_text(
        text, source="the recorded scenario"
    )  # raises BadScenario if it cannot be read, for example because of a chat line
    return text


@dataclass(frozen=True, slots=True, kw_only=True)
class _TimedStep:
    """Somebody does something, or waits for a status of the session `seen`.

    `due`: the step waits for the end of a period, so it must not come too early.
    """

    at: datetime
    who: str
    what: str
    due: bool = False
    seen: str = ""


@dataclass(slots=True, kw_only=True)
class _Recorder:
    """Makes steps from events. `late` is the delay of all following steps against the journal."""

    customers: Mapping[str, str]
    steps: list[_TimedStep] = field(default_factory=list)
    settings: dict[str, dict[str, str]] = field(default_factory=dict)
    terms: dict[str, str] = field(default_factory=dict)  # by owner
    owners: dict[str, str] = field(default_factory=dict)  # the owner of the settings of each session
    groups: dict[str, str] = field(default_factory=dict)  # the present group of each technician that was added
    extra: dict[str, str] = field(default_factory=dict)
    queues: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    focus: dict[str, bool] = field(default_factory=dict)
    late: timedelta = timedelta(0)
    dark: set[str] = field(default_factory=set)  # sessions whose cable was pulled
    last_sign: dict[str, datetime] = field(default_factory=dict)  # when the computer of a session last did something
    down: dict[str, datetime] = field(default_factory=dict)  # when the computer of a session began to reboot by order

    def add(self, line: Line, later: Sequence[Line]) -> None:
        at, body, name = datetime.fromisoformat(line["at"]) + self.late, line["body"], line["name"]
        if line["stream"] == "organization":
            self._organization(at, name, body)
            return
        session = line["stream"]
        if name == "SessionCreated":
            self.owners[session] = body.get("owner", "")
        customer = self.customers[session]
        if name == "LinkLost":
            at = self._pull(session, at, parse_duration(line["setting_value"] or "60s"))
        booted = name == "LinkRestored" and session not in self.dark
        if booted:
            at = self._boot(session, at)
        steps = [_TimedStep(at=at, who=who, what=what) for who, what in self._actions(session, name, line, later)]
        self.steps += steps
        if booted or any(step.who == customer for step in steps):
            self.last_sign[session] = at
        if name == "RebootBegan" and body.get("technician"):
            self.down[session] = at
        changes = line["changes"]
        by_technician = steps and all(step.who not in self.customers.values() for step in steps)
        for change in changes:
            self._take_part(change["technician"])
            row = f", row {change['row']}" if change["row"] else ""
            queue = self.queues.setdefault(change["technician"], {}).setdefault(session, [])
            queue.append(f"{change['status']}{row}")
        if changes and not by_technician:
            first = changes[0]
            self._expect(session, at, first["technician"], first["status"], due=booted or name in _TIMED)

    def _organization(self, at: datetime, name: str, body: Mapping[str, Any]) -> None:
        if name in ("TechnicianAdded", "TechnicianMoved"):
            self.groups[body["name"]] = body["group"]
        if name != "SettingsChanged" or body["owner"] not in OWNERS:
            return
        changed = {key.replace("_", "-"): _period(value) for key, value in body.get("periods", {}).items()}
        if body.get("terms") is not None:
            changed["terms"] = self.terms[body["owner"]] = body["terms"]
        if not self.steps:
            self.settings.setdefault(body["owner"], {}).update(changed)
            return
        for key, value in changed.items():
            self.steps.append(_TimedStep(at=at, who="admin", what=f"set {body['owner']} {key}={value}"))

    def _expect(self, session: str, at: datetime, who: str, status: str, *, due: bool) -> None:
        index = len(self.steps)
        while index and self.steps[index - 1].seen and (self.steps[index - 1].at == at or not due):
            index -= 1
        # A status that the queue showed for no time at all cannot be waited for.
        passed = [step for step in self.steps[index:] if (step.seen, step.who) == (session, who)]
        self.steps[index:] = [step for step in self.steps[index:] if step not in passed]
        due = due or any(step.due for step in passed)
        self.steps.append(
            _TimedStep(at=at, who=who, what=f"sees {status}{self._for_customer(session)}", due=due, seen=session)
        )

    def _take_part(self, technician: str) -> None:
        if technician in TECHNICIANS or technician in self.extra:
            return
        group = self.groups.get(technician, "a group that the journal does not name")
        if group not in GROUPS:
            raise BadScenario(f"{technician} is of {group}: a scenario has only {' and '.join(GROUPS)}")
        self.extra[technician] = group

    def _pull(self, session: str, lost: datetime, period: timedelta) -> datetime:
        """Insert the step that pulls the cable; return when the link is lost because of it.

        The step comes one period before the loss, between the steps of others at that time, but not before the last
        action of the computer.
        """
        pulled = max(lost - period, self.last_sign.get(session, lost - period))
        index = bisect_right(self.steps, pulled, key=lambda step: step.at)
        self.steps.insert(index, _TimedStep(at=pulled, who=self.customers[session], what="lan off"))
        self.dark.add(session)
        self.late += pulled + period - lost
        return pulled + period

    def _boot(self, session: str, back: datetime) -> datetime:
        """Allow the time that a boot takes when it is played; return when the computer is back."""
        due = max(self.down.pop(session, back - _BOOT) + _BOOT, back)
        self.late += due - back
        return due

    def _timed(self) -> Iterator[tuple[str, str]]:
        """Yield all steps, with advances of the clock between them."""
        passed = 0
        for step in self.steps:
            since = (step.at - self.steps[0].at).total_seconds()
            # Round causes down and effects up, so that a period is over when a step waits for its effect.
            now = max(passed, math.ceil(since) if step.due else math.floor(since))
            if now > passed:
                yield "clock", f"advance {format_duration(timedelta(seconds=now - passed))}"
            passed = now
            yield step.who, step.what

    def _for_customer(self, session: str) -> str:
        return f" for {self.customers[session]}" if len(self.customers) > 1 else ""

    def _actions(self, session: str, name: str, line: Line, later: Sequence[Line]) -> Iterable[tuple[str, str]]:
        """Yield the actions that caused an event: of the customer or of a technician."""
        yield from self._customer_actions(session, name, line, later)
        yield from self._technician_actions(session, name, line["body"])

    def _customer_actions(
        self, session: str, name: str, line: Line, later: Sequence[Line]
    ) -> Iterable[tuple[str, str]]:
        body, customer = line["body"], self.customers[session]
        by_customer = not body.get("technician")
        match name:
            case "SessionCreated" if body.get("channel"):
                yield customer, f"run applet channel:{body['channel']}{self._answer(session, body, later)}"
            case "PinRedeemed":
                yield customer, f"run applet{self._answer(session, body, later)}"
            case "AppletJoined" if "ask" in self._applet(customer):
                yield customer, "accept"
            case "RebootBegan" if by_customer:
                yield customer, f"reboot {_reboot_duration(line, later)}"
            case "LinkRestored" if session in self.dark:
                self.dark.discard(session)
                yield customer, "lan on"
            case "ChatSent" if by_customer:
                yield customer, f"chat {' '.join(body['text'].split())}"
            case "AppletClosed":
                yield customer, "close"

    def _technician_actions(self, session: str, name: str, body: Mapping[str, Any]) -> Iterable[tuple[str, str]]:
        who, of = str(body.get("technician", "")), self._for_customer(session)
        match name:
            case "SessionCreated" if not body.get("channel"):
                yield who, f"pin{of}"
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
            case "ChatSent" if who:
                yield who, f"chat{of} {' '.join(body['text'].split())}"
            case "NoteAdded":
                yield who, f"note{of} {' '.join(body['text'].split())}"
            case "ProcessOpened":
                yield who, f"open {body['process']}{of}"
            case "ProcessClosed":
                yield who, f"close {body['process']}{of}"
            case "SessionEnded" | "CollaboratorLeft" | "EntryDismissed":
                yield who, f"end{of}"
            case "FocusChanged" if self.focus.get(who, True) != body["focused"]:
                self.focus[who] = body["focused"]
                yield who, f"focus {'on' if body['focused'] else 'off'}"

    def _applet(self, customer: str) -> str:
        runs = (step.what for step in self.steps if step.who == customer and step.what.startswith("run"))
        return next(runs, "")

    def _answer(self, session: str, body: Mapping[str, Any], later: Sequence[Line]) -> str:
        """Return the option for the customer's answer to the terms; empty if none is needed."""
        if not self.terms.get(self.owners.get(session, "")):
            return ""
        answer = next((line for line in later if line["name"] in ("AppletJoined", "TermsDeclined")), None)
        if answer is None:
            return " terms:ask"
        if answer["name"] == "TermsDeclined":
            return " terms:decline"
        return "" if answer["body"]["at"] == body["at"] else " terms:ask"

    def text(self, title: str) -> str:
        document: dict[str, Any] = {"title": title}
        participants: dict[str, Any] = {}
        if len(self.customers) > 1:
            participants["customers"] = list(self.customers.values())
        if self.extra:
            participants["technicians"] = self.extra
        if participants:
            document["participants"] = participants
        known = {
            owner: {name: value for name, value in settings.items() if name in SETTINGS}
            for owner, settings in self.settings.items()
        }
        if known:
            document["settings"] = known
        document["steps"] = [{who: what} for who, what in self._timed()]
        several = len(self.customers) > 1
        document["queues"] = {
            name: {self.customers[session]: queue for session, queue in queues.items()}
            if several
            else next(iter(queues.values()))
            for name, queues in self.queues.items()
        }
        written: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=10_000)
        return written


def _reboot_duration(began: Line, later: Sequence[Line]) -> str:
    """Return the duration of a customer's reboot as they would type it; `hold` if the computer never came back."""
    back = next((line["at"] for line in later if line["name"] == "LinkRestored"), None)
    if back is None:
        return "hold"
    took = datetime.fromisoformat(back) - datetime.fromisoformat(began["at"])
    return format_duration(timedelta(seconds=max(math.floor(took.total_seconds()), 1)))


def _period(written: str) -> str:
    """Return a period of a stored event as `rescue admin set` takes it."""
    return format_duration(msgspec.convert(written, timedelta))
