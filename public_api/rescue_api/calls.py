"""One call of a method: what it was given, who calls, and the facts that it is answered from."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from rescue_api.answer_cache import AnswerCache
from rescue_api.answers import Enumeration, Kind, Row, Shape
from rescue_api.limits import ApiLimits
from rescue_api.logins import ApiLogins
from rescue_api.nodes import Node, find
from rescue_api.reports.keeper import ReportSettingsKeeper
from rescue_api.reports.settings import ReportSettings
from rescue_api.request_notes import RequestNotes
from rescue_api.words import MethodFailed, Word
from rescue_client.api import ApiClient
from rescue_client.api_records import Facts, Person
from rescue_client.people import hash_code

_INTEGER = re.compile(r"[+-]?\d{1,10}", re.ASCII)
_CONTROL = "Cc"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter: its name in text, other names that are in use, and its element in SOAP.

    `optional`: the WSDL lets it be missing although its type has no empty value.
    """

    name: str
    element: str = ""
    kind: Kind = Kind.STRING
    aliases: tuple[str, ...] = ()
    values: Enumeration | None = None
    optional: bool = False


AUTHCODE = Parameter(name="authcode", element="sAuthCode")


class MethodAccess(StrEnum):
    """Who may call a method."""

    ANYBODY = "anybody"
    USER = "technicians and administrators"
    ADMINISTRATOR = "administrators"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """What outlives a call: the session server, and who is logged in.

    `not_emulated`: the methods out of scope that somebody has called.
    """

    client: ApiClient
    logins: ApiLogins
    not_emulated: set[str] = field(default_factory=set)
    limits: ApiLimits = field(default_factory=ApiLimits)
    answers: AnswerCache = field(default_factory=AnswerCache)
    report_settings: ReportSettingsKeeper = field(default_factory=ReportSettingsKeeper)
    notes: RequestNotes = field(default_factory=RequestNotes)


@dataclass(slots=True, kw_only=True)
class ApiCall:
    """`arguments` by the parameters' names in lower case. `origin`: the scheme and host that were asked.

    `cookie` is the one that came; `new_cookie` is to be set.

    A method whose answer follows from the facts alone says until when it `holds_until`; else it is made anew. Where it
    has seconds that grow, it puts `SECONDS` into the rows, and says in `counts_from` since when they do. `kept_as` is
    what the answer is kept under.
    """

    backend: Backend
    facts: Facts
    arguments: Mapping[str, str]
    source: str
    origin: str = ""
    cookie: str = ""
    new_cookie: str = ""
    caller: Person | None = None
    holds_until: datetime | None = None
    counts_from: Sequence[datetime] = ()
    kept_as: Hashable | None = None

    @property
    def credential(self) -> str:
        """Return what the caller is known by: the hash of a code, or a cookie."""
        code = self.given("authcode")
        return hash_code(code) if code else self.cookie

    @property
    def report_settings(self) -> ReportSettings:
        """Return what the reports are about that the code or cookie asks for."""
        if self.given("authcode"):
            return ReportSettings.read(self.facts.account.report_settings.get(self.credential, {}))
        return self.backend.report_settings.of(self.credential)

    @property
    def asked(self) -> Hashable:
        """Who asks, and what for; the code says only who."""
        given = (value for name, value in self.arguments.items() if name != AUTHCODE.name)
        return self.user.name, *given

    @property
    def user(self) -> Person:
        """The user who calls; methods for anybody have none."""
        if self.caller is None:
            raise MethodFailed(Word.NOT_LOGGED_IN)
        return self.caller

    def given(self, name: str) -> str:
        """Return an argument; empty if there is none."""
        return self.arguments.get(name.lower(), "").strip()

    def one_line(self, name: str) -> str:
        """Return an argument with blanks for control characters, such as line breaks: what is kept has one line."""
        text = self.arguments.get(name.lower(), "")
        return "".join(" " if unicodedata.category(letter) == _CONTROL else letter for letter in text)

    def integer(self, name: str) -> int | None:
        """Return an argument that is an integer; None if it is none."""
        text = self.given(name)
        return int(text) if _INTEGER.fullmatch(text) else None

    def flag(self, name: str) -> bool:
        """Return an argument that is true or false; it is false without one."""
        return self.given(name).lower() in ("true", "1", "yes")

    def names_node(self, name: str) -> bool:
        """Return whether an argument names a node. 0 does not: toolkits of SOAP cannot leave an integer out."""
        return bool(self.given(name)) and self.integer(name) != 0

    def node(self, name: str, *, word: Word = Word.INVALID_NODE) -> Node:
        """Return the node that an argument names. Raises MethodFailed with the word if there is none."""
        number = self.integer(name)
        node = None if number is None else find(self.facts.account, number)
        if node is None:
            raise MethodFailed(word)
        return node


Handler = Callable[[ApiCall], Awaitable[Sequence[Row] | AsyncIterator[str]]]
"""Returns rows; or the one value of the shape piece by piece, if it may be long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One method: `name` as the vendor writes it in text, `words` the failures of its own.

    `soap` is its name in SOAP, empty if it has none; the words of its results there begin with `prefix`, unless it is
    empty.
    """

    name: str
    does: str
    handler: Handler
    shape: Shape
    parameters: tuple[Parameter, ...] = ()
    words: tuple[Word, ...] = ()
    access: MethodAccess = MethodAccess.USER
    soap: str = ""
    prefix: str = ""
    in_text: bool = True
