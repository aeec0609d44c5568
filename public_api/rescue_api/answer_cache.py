"""Answers that were given already, for as long as they would be given again.

Wallboards ask the same again and again. An answer holds while the facts are the same, and until the emulated moment at
which something in it would be written otherwise, such as the seconds that a session waits.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime

from rescue_client.api_records import Facts

_MOST = 64


@dataclass(frozen=True, slots=True)
class _Kept:
    facts: Facts
    until: datetime
    body: bytes

    def holds(self, facts: Facts) -> bool:
        # The client returns the same objects while nothing changed.
        known = self.facts
        same = known.sessions is facts.sessions and known.account is facts.account
        return same and known.connected == facts.connected and known.now <= facts.now < self.until


@dataclass(slots=True)
class AnswerCache:
    """The latest answers, by what was asked and by whom."""

    _kept: dict[Hashable, _Kept] = field(default_factory=dict)

    def find(self, asked: Hashable, facts: Facts) -> bytes | None:
        """Return the answer; None if there is none that holds."""
        kept = self._kept.get(asked)
        return kept.body if kept is not None and kept.holds(facts) else None

    def keep(self, asked: Hashable, facts: Facts, until: datetime, body: bytes) -> None:
        """Keep an answer that was made of the facts, and holds until then."""
        self._kept.pop(asked, None)
        while len(self._kept) >= _MOST:
            del self._kept[next(iter(self._kept))]
        self._kept[asked] = _Kept(facts, until, body)
