"""How much of the server one caller may use: open streams for each caller, open sessions for each owner.

Every limit is far above honest use. What is refused here is refused with ResourceExhausted, which names the limit.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from dataclasses import dataclass, fields, replace

from rescue_protos.errors import ResourceExhausted


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The maximum of each resource. Streams are those that are open at the same time."""

    streams_per_technician: int = 32
    # Exercises of a class of a hundred follow the journal for each person as its administrator.
    streams_per_administrator: int = 512
    streams_per_computer: int = 8
    anonymous_streams_per_peer: int = 64
    # All peers behind one address count as one: those of an office, or all computers of a load test.
    attachments_per_peer: int = 20_000
    unproven_attachments_per_peer: int = 4_096
    open_sessions_per_technician: int = 1_000
    open_sessions_per_channel: int = 20_000
    # Nobody signs in to start a session through a channel. Programs of this machine may start any number.
    channel_starts_at_once: int = 200
    channel_starts_per_second: float = 2.0
    # Chat lines that the customer's computer has not shown yet. It confirms them every few real seconds.
    unconfirmed_chat_lines: int = 500
    # An applet that says more in a second is read no faster than this.
    applet_messages_per_second: float = 1_000.0
    # More commands of a stream are read when some of these are answered and the answers are on their way.
    commands_under_way_per_stream: int = 128


LIMITS = Limits()
MOST = 1_000_000  # the highest that a limit can be set to; the lowest is 1


def changed(limits: Limits, name: str, value: str) -> Limits:
    """Return the limits with another value of one of them, named as on the command line. Raises ValueError."""
    whole = {field.name.replace("_", "-"): isinstance(field.default, int) for field in fields(Limits)}
    if name not in whole:
        raise ValueError(f"there is no limit {name!r}: there are {', '.join(whole)}")
    try:
        number = int(value) if whole[name] else float(value)
    except ValueError:
        number = 0
    if not 1 <= number <= MOST:  # nan is in no range
        kind = "whole number" if whole[name] else "number"
        raise ValueError(f"{name}={value}: a {kind} from 1 to {MOST} is needed")
    return replace(limits, **{name.replace("-", "_"): number})  # type: ignore[arg-type]


class _Taken(contextlib.AbstractContextManager[None]):
    """One of them. Streams hold it as long as they live: a generator in its place would take a kilobyte."""

    __slots__ = ("_owner", "_taken")

    def __init__(self, taken: Counter[str], owner: str) -> None:
        self._taken = taken
        self._owner = owner

    def __enter__(self) -> None:
        self._taken[self._owner] += 1

    def __exit__(self, *raised: object) -> None:
        self._taken[self._owner] -= 1
        if not self._taken[self._owner]:
            del self._taken[self._owner]


class Slots:
    """Counts how many of a limited resource each owner has."""

    def __init__(self) -> None:
        self._taken: Counter[str] = Counter()

    def taken(self, owner: str, most: int, what: str) -> contextlib.AbstractContextManager[None]:
        """Take one for the length of the block. Raises ResourceExhausted if the owner has `most` already."""
        if self._taken[owner] >= most:
            raise ResourceExhausted(f"at most {most} {what} at a time", metadata={"limit": str(most), "what": what})
        return _Taken(self._taken, owner)

    def __len__(self) -> int:
        return self._taken.total()


class Pace:
    """How long to wait before the next of many messages, so that there are `rate` a second on average at most.

    Two seconds' worth may come at once. Times are real seconds.
    """

    __slots__ = ("_at", "_burst", "_left", "_rate")

    def __init__(self, rate: float, now: float) -> None:
        self._rate = rate
        self._burst = 2 * rate
        self._left = self._burst
        self._at = now

    def wait(self, now: float) -> float:
        """Count a message; return how long to wait before the next one is read."""
        self._left = min(self._burst, self._left + (now - self._at) * self._rate) - 1
        self._at = now
        return max(0.0, -self._left / self._rate)
