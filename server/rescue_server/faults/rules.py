"""The notation of fault rules: `when 1001 becomes Active for alice: lan off for 40s`.

This is the complete grammar; docs/how-to/faults.md explains it.

    RULE    [when MOMENT:] FAULT [at SESSION]
    MOMENT  SESSION|any becomes STATUS [for TECHNICIAN]
            SESSION|any is STATUS [for TECHNICIAN]          also at once, if it is so already
            METHOD [of USER] is called [N times]            the Nth call from now on
    FAULT   lan on | lan FAULT                              as on the computer's stdin
            kill applet                                     the process that runs, or the next one
            lose next [N] heartbeats | heartbeat replies
            fail next [N] METHOD [of USER] with CODE
            delay next [N] METHOD [of USER] by DURATION     emulated time
            lose next [N] replies of METHOD [of USER]       carried out, but the caller never learns

Rules that begin with `when post` or `when api` are about HTTP; see `http_rules`.

`at SESSION` is needed where no moment names a session. A rule acts once. A server knows a session by its number; who
writes a rule before there are numbers, as a scenario does, gives the sessions names and puts the numbers in later.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from rescue_common.durations import BadDuration, parse_duration
from rescue_common.lan_notation import BadLanFault, parse_lan_fault
from rescue_server.core.status import Status
from rescue_server.faults.http_rules import AffectApi, AffectPost, parse_http_rule
from rescue_server.faults.notation import BadRule, read_times

LONGEST = 300
CODES = (
    "ABORTED", "CANCELLED", "DATA_LOSS", "DEADLINE_EXCEEDED", "INTERNAL", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED",
    "UNAUTHENTICATED", "UNAVAILABLE", "UNKNOWN",
)  # fmt: skip
_STATUSES = {status.casefold(): status for status in Status}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """The moment at which a queue shows a status of a session; empty names are any. With `already`, also if it
    does so when the rule is added."""

    session: str
    status: Status
    user: str
    already: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """The moment of the `nth` call of a method; of anybody if `user` is empty."""

    method: str
    user: str
    nth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderComputer:
    """The session's computer carries out a line, as if it were typed there."""

    line: str


class LostMessage(StrEnum):
    """What can get lost between an applet and the server."""

    HEARTBEAT = "heartbeat"
    HEARTBEAT_REPLY = "heartbeat reply"


@dataclass(frozen=True, slots=True, kw_only=True)
class Lose:
    """The session's next `times` heartbeats, or replies to them, get lost."""

    what: LostMessage
    times: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AffectCall:
    """The next `times` calls of a method (of a user, if named) fail with `code`, or wait for `delay` of emulated
    time, or are carried out and their reply lost: just one of the three."""

    method: str
    user: str
    times: int
    code: str = ""
    delay: timedelta = timedelta(0)
    loses_reply: bool = False


Moment = Shown | Called
Action = OrderComputer | Lose | AffectCall | AffectPost | AffectApi


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule: `moment` None is now; `session` empty is that of the moment, or none."""

    text: str
    moment: Moment | None
    action: Action
    session: str


_METHOD = r"(?P<method>\w+)(?: of (?P<user>\S+))?"
_NEXT = r"(?:the )?next(?: (?P<times>[0-9]+))?"
_AT = re.compile(r"(?P<what>.*\S) at (?P<session>\S+)", re.IGNORECASE)
_SHOWN = re.compile(
    r"(?P<session>any session|\S+) (?P<verb>is|becomes) (?P<status>.+?)(?: for (?P<technician>\S+))?", re.IGNORECASE
)
_NAMED = re.compile(r"(?:(?<=^when )|(?<= at ))\S+(?= (?:is|becomes) |$)", re.IGNORECASE)
_USER = re.compile(r"\b(for|of) (\S+?)(?=:? |:?$)", re.IGNORECASE)
_CALLED = re.compile(rf"{_METHOD} is called(?: (?P<times>[0-9]+) times?)?", re.IGNORECASE)
_LOSE = re.compile(rf"lose {_NEXT} heartbeat(?P<reply> repl(?:y|ies))?s?", re.IGNORECASE)
_FAIL = re.compile(rf"fail {_NEXT}(?: calls? of)? {_METHOD} with (?P<code>\w+)", re.IGNORECASE)
_DELAY = re.compile(rf"delay {_NEXT}(?: calls? of)? {_METHOD} by (?P<delay>\S+)", re.IGNORECASE)
_LOSE_REPLY = re.compile(rf"lose {_NEXT} repl(?:y|ies) of {_METHOD}", re.IGNORECASE)
_POSSIBLE = (
    "lan …, kill applet, lose next [N] heartbeats, lose next [N] heartbeat replies, "
    "fail next [N] METHOD with CODE, delay next [N] METHOD by DURATION, lose next [N] replies of METHOD; "
    "when post: answer STATUS, when api METHOD: answer WORD"
)


def parse_rule(text: str, methods: Mapping[str, bool], *, sessions: Collection[str] = ()) -> Rule:
    """Read a rule. `methods` are those that can be called, and whether each is a stream.

    With `sessions`, names in small letters, these stand for sessions instead of numbers. Raises BadRule.
    """
    plain = " ".join(text.split())
    if len(plain) > LONGEST:
        raise BadRule(f"a rule has at most {LONGEST} characters")
    if (about_http := parse_http_rule(plain)) is not None:
        return Rule(text=plain, moment=None, action=about_http, session="")
    known = _Sessions(tuple(sessions))
    moment, fault = None, plain
    if plain.casefold().startswith("when "):
        when, colon, fault = plain[5:].partition(":")
        if not colon:
            raise BadRule(f"after the moment comes a colon: when {known.example} becomes Active: lan off for 40s")
        moment = _moment(when.strip(), methods, known)
    fault, session = _place(fault.strip(), known)
    action = _action(fault, methods)
    of_session = isinstance(action, OrderComputer | Lose)
    if of_session and not session and not isinstance(moment, Shown):
        raise BadRule(f"which session? write: {fault} at {known.example}")
    if session and not of_session:
        raise BadRule(f"{fault!r} is about calls, not about a session: leave `at {session}` out")
    return Rule(text=plain, moment=moment, action=action, session=session)


def with_numbers(text: str, numbers: Mapping[str, str]) -> str:
    """Return a rule that reads well, with the number of each named session in the place of its name."""
    return _NAMED.sub(lambda found: numbers.get(found[0].casefold(), found[0]), " ".join(text.split()))


def with_users(text: str, accounts: Mapping[str, str]) -> str:
    """Return a rule with the account of each named user in the place of the name; other names stay."""
    return _USER.sub(lambda found: f"{found[1]} {accounts.get(found[2], found[2])}", " ".join(text.split()))


@dataclass(frozen=True, slots=True)
class _Sessions:
    """How a rule refers to sessions: by their `names`, or by number if there are none."""

    names: tuple[str, ...]

    @property
    def example(self) -> str:
        return self.names[0] if self.names else "1001"

    def read(self, word: str) -> str:
        """Return the session that a word refers to. Raises BadRule if there is none."""
        plain = word.casefold()
        if plain in self.names if self.names else re.fullmatch("[0-9]+", plain):
            return plain
        raise BadRule(f"{word!r} is no session (possible: {', '.join(self.names) or 'a number, like 1001'})")


def _moment(text: str, methods: Mapping[str, bool], known: _Sessions) -> Moment:
    if found := _CALLED.fullmatch(text):
        method = _method(found["method"], methods)
        return Called(method=method, user=found["user"] or "", nth=read_times(found["times"]))
    found = _SHOWN.fullmatch(text)
    if found is None:
        raise BadRule(
            f"{text!r} is no moment (possible: {known.example} becomes Active, any is Waiting for alice, "
            "StartSession is called 3 times)"
        )
    status = _STATUSES.get(found["status"].casefold())
    if status is None:
        raise BadRule(f"{found['status']!r} is no status (possible: {', '.join(Status)})")
    anybody = found["session"].casefold() in ("any", "any session")
    return Shown(
        session="" if anybody else known.read(found["session"]),
        status=status,
        user=found["technician"] or "",
        already=found["verb"].casefold() == "is",
    )


def _place(fault: str, known: _Sessions) -> tuple[str, str]:
    found = _AT.fullmatch(fault)
    return (found["what"], known.read(found["session"])) if found else (fault, "")


def _action(text: str, methods: Mapping[str, bool]) -> Action:
    plain = text.casefold()
    if plain in ("kill applet", "kill the applet"):
        return OrderComputer(line="kill")
    if plain == "lan on":
        return OrderComputer(line=plain)
    if plain.startswith("lan "):
        try:
            return OrderComputer(line=f"lan {parse_lan_fault(plain[4:])}")
        except BadLanFault as error:
            raise BadRule(str(error)) from None
    if found := _LOSE.fullmatch(text):
        return Lose(
            what=LostMessage.HEARTBEAT_REPLY if found["reply"] else LostMessage.HEARTBEAT,
            times=read_times(found["times"]),
        )
    if found := _LOSE_REPLY.fullmatch(text):
        meddle = _affect(found, methods, loses_reply=True)
        if methods[meddle.method]:
            raise BadRule(f"{meddle.method} is a stream: it has no single reply to lose")
        return meddle
    if found := _FAIL.fullmatch(text):
        code = found["code"].upper()
        if code not in CODES:
            raise BadRule(f"{found['code']!r} is no code to fail with (possible: {', '.join(CODES)})")
        return _affect(found, methods, code=code)
    if found := _DELAY.fullmatch(text):
        try:
            return _affect(found, methods, delay=parse_duration(found["delay"]))
        except BadDuration as error:
            raise BadRule(str(error)) from None
    raise BadRule(f"{text!r} is no fault (possible: {_POSSIBLE})")


def _affect(
    found: re.Match[str],
    methods: Mapping[str, bool],
    *,
    code: str = "",
    delay: timedelta = timedelta(0),
    loses_reply: bool = False,
) -> AffectCall:
    return AffectCall(
        method=_method(found["method"], methods),
        user=found["user"] or "",
        times=read_times(found["times"]),
        code=code,
        delay=delay,
        loses_reply=loses_reply,
    )


def _method(name: str, methods: Mapping[str, bool]) -> str:
    known = {method.casefold(): method for method in methods}
    if name.casefold() not in known:
        raise BadRule(f"{name!r} is no method that a rule can affect (possible: {', '.join(sorted(methods))})")
    return known[name.casefold()]
