"""Answers that were given already, for as long as they would be given again.

Wallboards ask the same again and again. An answer holds while the facts are the same, and until the emulated moment at
which something else would be in it. The seconds that sessions wait are written anew into the same text.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from rescue_client.api_records import Account, Facts
from rescue_common.emulated_time import END_OF_TIME

SECONDS = secrets.token_hex(16)
"""Stands in a text for the whole seconds since a moment. Nobody can guess it, so no text has it otherwise."""

_MOST = 64  # answers
_MOST_REQUESTS = 256
_SECOND = 1_000_000  # microseconds
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_Key = TypeVar("_Key", bound=Hashable)
_Value = TypeVar("_Value")


class TimedText:
    """A text in which each `SECONDS` counts from one of the moments, in their order."""

    def __init__(self, text: str, since: Sequence[datetime] = ()) -> None:
        self._pieces = [piece.encode() for piece in text.split(SECONDS)]
        self._since = [_microseconds(moment) for moment in since]

    def at(self, now: datetime) -> tuple[bytes, datetime]:
        """Return the text as it is written now, and when it will be written otherwise."""
        moment, until = _microseconds(now), _microseconds(END_OF_TIME)
        parts = self._pieces[:1]
        for since, piece in zip(self._since, self._pieces[1:], strict=True):
            seconds = max(0, (moment - since) // _SECOND)
            until = min(until, since + (seconds + 1) * _SECOND)
            parts += (b"%d" % seconds, piece)
        return b"".join(parts), _EPOCH + until * _MICROSECOND


@dataclass(slots=True)
class _Kept:
    facts: Facts
    until: datetime
    text: TimedText
    body: bytes  # as it is written from `since` on
    since: datetime
    same_until: datetime

    def body_at(self, facts: Facts, now: datetime) -> bytes | None:
        # The client returns the same objects while nothing changed.
        known = self.facts
        if known.sessions is not facts.sessions or known.account is not facts.account:
            return None
        if known.connected != facts.connected or not known.now <= now < self.until:
            return None
        if not self.since <= now < self.same_until:
            self.since = now
            self.body, self.same_until = self.text.at(now)
        return self.body


@dataclass(frozen=True, slots=True)
class AdmittedRequest:
    """A request that was let in, and answered from the facts alone: the operation, who asked, and what for."""

    account: Account
    operation: str
    user: str
    content_type: str
    asked: Hashable


@dataclass(slots=True)
class AnswerCache:
    """The latest answers, by what was asked and by whom; and the latest requests, by their text."""

    _kept: dict[Hashable, _Kept] = field(default_factory=dict)
    _admitted: dict[bytes, AdmittedRequest] = field(default_factory=dict)

    def find(self, asked: Hashable, facts: Facts, now: datetime) -> bytes | None:
        """Return the answer as it is written now; None if there is none that holds."""
        kept = self._kept.get(asked)
        return None if kept is None else kept.body_at(facts, now)

    def keep(self, asked: Hashable, facts: Facts, until: datetime, text: TimedText) -> bytes:
        """Keep an answer that was made of the facts, and holds until then. Return it as it is written now."""
        body, same_until = text.at(facts.now)
        _make_room(self._kept, asked, _MOST)
        self._kept[asked] = _Kept(facts, until, text, body, facts.now, same_until)
        return body

    def admitted(self, path: bytes, query: bytes, account: Account) -> AdmittedRequest | None:
        """Return what this request was; None if it did not come lately, or the organization changed since."""
        request = self._admitted.get(_digest(path, query))
        return request if request is not None and request.account is account else None

    def admit(self, path: bytes, query: bytes, request: AdmittedRequest) -> None:
        """Remember a request."""
        digest = _digest(path, query)
        _make_room(self._admitted, digest, _MOST_REQUESTS)
        self._admitted[digest] = request


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND


def _digest(path: bytes, query: bytes) -> bytes:
    # A query has codes, which are kept nowhere.
    return hashlib.sha256(path + b"?" + query).digest()


def _make_room(kept: dict[_Key, _Value], key: _Key, most: int) -> None:
    kept.pop(key, None)
    while len(kept) >= most:
        del kept[next(iter(kept))]
