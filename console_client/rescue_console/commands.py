"""What can be typed: the commands of the scripted and of the plain console, and what was wrong with a line.

`USAGE` is the whole list. Words are separated by blanks; a name that contains blanks is put in double quotes
(`transfer S "group:Second Line"`). What people write, a chat line, a comment or a customer's name, is the rest
of the line as it is, without quoting. Pure.

Source: the table of commands of `rescue console` in the surface's description.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from rescue_client.records import KNOWN_PROCESSES, Process, Target, TargetKind

LONGEST_LINE = 64 * 1024
"""In bytes, without the line break."""

USAGE = {
    "pin": "pin [NAME]",
    "queue": "queue",
    "start": "start SESSION",
    "hold": "hold SESSION",
    "end": "end SESSION",
    "reboot": "reboot SESSION",
    "transfer": "transfer SESSION technician:NAME|group:NAME|channel:NAME [comment TEXT]",
    "invite": "invite SESSION TECHNICIAN",
    "remove": "remove SESSION TECHNICIAN",
    "lead": "lead SESSION offer TECHNICIAN|cancel|accept",
    "focus": "focus on|off",
    "open": "open SESSION PROCESS",
    "close": "close SESSION PROCESS",
    "chat": "chat SESSION TEXT",
    "note": "note SESSION TEXT",
    "sync": "sync",
}
"""How each command is written, by its first word."""


class BadLine(Exception):
    """The line is no command. `problem` is what is wrong, `usage` how the command is written (empty if unknown).

    `template` is the English problem without its `facts`, by which a translation is found.
    """

    def __init__(self, template: str, *, usage: str = "", **facts: str) -> None:
        problem = template.format_map(facts)
        super().__init__(f"{problem} (usage: {usage})" if usage else problem)
        self.template = template
        self.facts = facts
        self.problem = problem
        self.usage = usage


class SessionAction(StrEnum):
    """The commands to a session that take no argument."""

    START = "start"
    HOLD = "hold"
    END = "end"
    REBOOT = "reboot"
    CANCEL_LEAD = "lead cancel"
    ACCEPT_LEAD = "lead accept"


class Involvement(StrEnum):
    """What can be done with another technician in a session."""

    INVITE = "invite"
    REMOVE = "remove"
    OFFER_LEAD = "lead offer"


# Few classes with a kind rather than one class each: making a dataclass takes a millisecond, and scripts start
# many consoles.


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """Create a session and its PIN."""

    customer: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnSession:
    """Take a step with a session."""

    action: SessionAction
    session: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WithTechnician:
    """Involve another technician, or no longer."""

    involvement: Involvement
    session: str
    technician: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Hand the session on."""

    session: str
    target: Target
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class UseProcess:
    """Open or close a process that prevents the idle time-out."""

    session: str
    process: Process
    opened: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chat:
    """Send a chat line to all participants and the customer."""

    session: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """Write a note about the session; the customer does not see it."""

    session: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Focus:
    """Set whether the console is in focus."""

    on: bool


class Query(StrEnum):
    """A command to the console as a whole."""

    QUEUE = "queue"
    SYNC = "sync"


Command = Pin | OnSession | WithTechnician | Transfer | UseProcess | Chat | Note | Focus | Query


def parse(line: bytes) -> Command | None:
    """Read one line, without its line break; None if it is blank. Raises BadLine."""
    if len(line) > LONGEST_LINE:
        raise BadLine("the line is longer than {limit} bytes", limit=str(LONGEST_LINE))
    try:
        text = line.decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise BadLine("the line is not UTF-8 (byte {byte})", byte=str(error.start + 1)) from None
    if not text:
        return None
    word = text.split(maxsplit=1)[0]
    if word not in _PARSERS:
        raise BadLine("there is no command {word}; there are {commands}", word=_shown(word), commands=", ".join(USAGE))
    words = _Words(text[len(word) :], usage=USAGE[word])
    return _PARSERS[word](words)


class LineSplitter:
    """Cuts a stream of bytes into lines; one that is too long is passed on cut just above the limit.

    So `parse` refuses it, and no more of it is ever kept in memory.
    """

    ended = False
    """Only a person at a terminal ends the input before it ends by itself."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Return the lines that are complete now."""
        *complete, rest = data.split(b"\n")
        for piece in complete:
            self._keep(piece)
            yield self._take()
        self._keep(rest)

    def finish(self) -> Iterator[bytes]:
        """Return the last line, if the input ended without a line break."""
        if self._rest:
            yield self._take()

    def _keep(self, piece: bytes) -> None:
        self._rest += piece[: LONGEST_LINE + 1 - len(self._rest)]

    def _take(self) -> bytes:
        line = bytes(self._rest)
        self._rest.clear()
        return line


_WORD = re.compile(r'\s*((?:"[^"]*"|[^\s"])+)(?=\s|$)')


class _Words:
    """What follows the command, taken word by word from the left."""

    def __init__(self, text: str, *, usage: str) -> None:
        self._text = text
        self._usage = usage

    def wrong(self, template: str, **facts: str) -> BadLine:
        return BadLine(template, usage=self._usage, **facts)

    def word(self, what: str) -> str:
        found = _WORD.match(self._text)
        if found is None:
            if self._text.strip():
                raise self.wrong("a quote is not closed")
            raise self.wrong("the {what} is missing", what=what)
        self._text = self._text[found.end() :]
        # Names have one form (NFC), whether their marks were typed apart from the letters or not.
        word = unicodedata.normalize("NFC", found[1].replace('"', ""))
        if not word:
            raise self.wrong("the {what} is empty", what=what)
        return word

    def one_of(self, what: str, choices: tuple[str, ...]) -> str:
        word = self.word(what)
        if word not in choices:
            raise self.wrong(
                "the {what} is one of {choices}, not {word}", what=what, choices=", ".join(choices), word=_shown(word)
            )
        return word

    def rest(self) -> str:
        text, self._text = self._text.strip(), ""
        return text

    def nothing_more(self) -> None:
        if self._text.strip():
            extra = _shown(self._text.strip())
            raise self.wrong("{extra} is too much; a name with blanks is put in double quotes", extra=extra)


def _shown(text: str) -> str:
    return repr(text if len(text) <= 40 else f"{text[:40]}…")


def _on_session(action: SessionAction) -> Callable[[_Words], Command]:
    def parser(words: _Words) -> Command:
        session = words.word("session")
        words.nothing_more()
        return OnSession(action=action, session=session)

    return parser


def _query(question: Query) -> Callable[[_Words], Command]:
    def parser(words: _Words) -> Command:
        words.nothing_more()
        return question

    return parser


def _with_technician(involvement: Involvement) -> Callable[[_Words], Command]:
    def parser(words: _Words) -> Command:
        session, technician = words.word("session"), words.word("technician")
        words.nothing_more()
        return WithTechnician(involvement=involvement, session=session, technician=technician)

    return parser


def _use_process(*, opened: bool) -> Callable[[_Words], Command]:
    def parser(words: _Words) -> Command:
        session, process = words.word("session"), words.one_of("process", KNOWN_PROCESSES)
        words.nothing_more()
        return UseProcess(session=session, process=Process(process), opened=opened)

    return parser


def _transfer(words: _Words) -> Command:
    session, written = words.word("session"), words.word("target")
    kind, colon, name = written.partition(":")
    if not colon or not name or kind not in tuple(TargetKind):
        raise words.wrong("the target is technician:NAME, group:NAME or channel:NAME, not {word}", word=_shown(written))
    target = Target(kind=TargetKind(kind), name=name)
    after = words.rest()
    if not after:
        return Transfer(session=session, target=target)
    keyword, *comment = after.split(maxsplit=1)
    if keyword != "comment":
        raise words.wrong("after the target only `comment TEXT` can follow, not {word}", word=_shown(after))
    if not comment:
        raise words.wrong("the comment's text is missing")
    return Transfer(session=session, target=target, comment=comment[0])


def _lead(words: _Words) -> Command:
    session = words.word("session")
    action = words.one_of("step", ("offer", "cancel", "accept"))
    if action == "offer":
        technician = words.word("technician")
        words.nothing_more()
        return WithTechnician(involvement=Involvement.OFFER_LEAD, session=session, technician=technician)
    words.nothing_more()
    return OnSession(action=SessionAction(f"lead {action}"), session=session)


def _focus(words: _Words) -> Command:
    state = words.one_of("state", ("on", "off"))
    words.nothing_more()
    return Focus(on=state == "on")


def _chat(words: _Words) -> Command:
    session, text = _text_for(words)
    return Chat(session=session, text=text)


def _note(words: _Words) -> Command:
    session, text = _text_for(words)
    return Note(session=session, text=text)


def _text_for(words: _Words) -> tuple[str, str]:
    session, text = words.word("session"), words.rest()
    if not text:
        raise words.wrong("the text is missing")
    return session, text


_PARSERS: dict[str, Callable[[_Words], Command]] = {
    "pin": lambda words: Pin(customer=words.rest()),
    "queue": _query(Query.QUEUE),
    "start": _on_session(SessionAction.START),
    "hold": _on_session(SessionAction.HOLD),
    "end": _on_session(SessionAction.END),
    "reboot": _on_session(SessionAction.REBOOT),
    "transfer": _transfer,
    "invite": _with_technician(Involvement.INVITE),
    "remove": _with_technician(Involvement.REMOVE),
    "lead": _lead,
    "focus": _focus,
    "open": _use_process(opened=True),
    "close": _use_process(opened=False),
    "chat": _chat,
    "note": _note,
    "sync": _query(Query.SYNC),
}
