"""The notation of LAN faults: `off for 40s`, `loss up`, `delay 200ms`, `flap 3s/2s ×4`.

Every program uses this module: the computer reads the notation on its stdin after `lan`, the server in its fault rules.

    off [for DURATION]                  the cable carries nothing
    loss up|down [for DURATION]         everything in one direction is lost
    loss N% [for DURATION]              N of a hundred segments are lost, and sent again later
    delay TIME [±TIME] [for DURATION]   everything arrives later by TIME, plus or minus the second TIME
    flap OFF/ON [×N]                    off for OFF, then on for ON, N times or until the fault is removed;
                                        1s..5s is a random time between the two
    half-open                           the present connections die without a close, new ones work
    reset                               the present connections are reset, new ones work

DURATION, OFF and ON are emulated time. The TIME of a delay is real time, because the time-outs of a connection are.
`up` is towards the server.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from rescue_common.durations import BadDuration, format_duration, parse_duration

LONGEST_DELAY = timedelta(minutes=1)
MOST_FLAPS = 1_000_000
POSSIBLE = "off [for 40s], loss up|down|N% [for 40s], delay 200ms [±50ms] [for 40s], flap 3s/2s [×N], half-open, reset"
_FLAP = re.compile(r"([^/\s]+)\s*/\s*([^/\s]+)(?:\s+[x×*]\s*([0-9]+))?")
_PERCENT = re.compile(r"([1-9][0-9]?)\s*%")


class BadLanFault(ValueError):
    """The text is not a LAN fault. The message says what is possible."""


class Direction(StrEnum):
    """The direction of the traffic. Up is from the applet to the server."""

    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class Off:
    """The cable carries nothing. `lasts` is emulated time; None: until the fault is removed."""

    lasts: timedelta | None = None
    slot = "off"
    random = False

    def __str__(self) -> str:
        return "off" + _for(self.lasts)


@dataclass(frozen=True, slots=True)
class Loss:
    """Everything in one direction is lost."""

    direction: Direction
    lasts: timedelta | None = None
    random = False

    @property
    def slot(self) -> str:
        return f"loss {self.direction}"

    def __str__(self) -> str:
        return self.slot + _for(self.lasts)


@dataclass(frozen=True, slots=True)
class RandomLoss:
    """`percent` of a hundred segments in each direction are lost, 1 to 99."""

    percent: int
    lasts: timedelta | None = None
    slot = "loss"
    random = True

    def __str__(self) -> str:
        return f"loss {self.percent}%" + _for(self.lasts)


@dataclass(frozen=True, slots=True)
class Delay:
    """Everything in both directions arrives later, by real time."""

    by: timedelta
    jitter: timedelta = timedelta(0)
    lasts: timedelta | None = None
    slot = "delay"

    @property
    def random(self) -> bool:
        return self.jitter > timedelta(0)

    def __str__(self) -> str:
        jitter = f" ±{format_duration(self.jitter)}" if self.jitter else ""
        return f"delay {format_duration(self.by)}{jitter}" + _for(self.lasts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """An emulated duration, or a random one between two."""

    shortest: timedelta
    longest: timedelta

    def __str__(self) -> str:
        short, long = format_duration(self.shortest), format_duration(self.longest)
        return short if short == long else f"{short}..{long}"


@dataclass(frozen=True, slots=True)
class Flap:
    """Off and on in turn, off first. `times` None: until the fault is removed."""

    off: Span
    on: Span
    times: int | None = None
    lasts = None
    slot = "flap"

    @property
    def random(self) -> bool:
        return any(span.shortest != span.longest for span in (self.off, self.on))

    def __str__(self) -> str:
        return f"flap {self.off}/{self.on}" + (f" ×{self.times}" if self.times else "")


@dataclass(frozen=True, slots=True)
class HalfOpen:
    """The present connections die without a close."""

    lasts = None
    slot = "half-open"
    random = False

    def __str__(self) -> str:
        return self.slot


@dataclass(frozen=True, slots=True)
class Reset:
    """The present connections are reset at both ends."""

    lasts = None
    slot = "reset"
    random = False

    def __str__(self) -> str:
        return self.slot


# A fault replaces the fault in the same slot. Faults in different slots act together.
LastingFault = Off | Loss | RandomLoss | Delay | Flap
LanFault = LastingFault | HalfOpen | Reset
SLOTS = ("off", "loss up", "loss down", "loss", "delay", "flap")


def parse_lan_fault(text: str) -> LanFault:
    """Read a fault; `str` writes it in the same notation. Raises BadLanFault."""
    plain = " ".join(text.lower().split())
    what, spanned, span = plain.partition(" for ")
    try:
        fault = _lasting(what, _span_of(span) if spanned else None)
    except BadDuration as error:
        raise BadLanFault(str(error)) from None
    if spanned and isinstance(fault, Flap | HalfOpen | Reset):
        raise BadLanFault(f"{fault.slot} takes no duration" + (": write ×N" if isinstance(fault, Flap) else ""))
    return fault


def _lasting(what: str, lasts: timedelta | None) -> LanFault:
    word, _, rest = what.partition(" ")
    match word, rest:
        case "off", "":
            return Off(lasts)
        case "half-open", "":
            return HalfOpen()
        case "reset", "":
            return Reset()
        case "loss", "up" | "down":
            return Loss(Direction(rest), lasts)
        case "loss", _ if percent := _PERCENT.fullmatch(rest):
            return RandomLoss(int(percent[1]), lasts)
        case "loss", _:
            raise BadLanFault(f"loss of what? write: loss up, loss down, or loss 30% (1 to 99), not {rest!r}")
        case "delay", _:
            return _delay(rest, lasts)
        case "flap", _:
            return _flap(rest)
    raise BadLanFault(f"{what!r} is no fault of a LAN (possible: {POSSIBLE})")


def _delay(rest: str, lasts: timedelta | None) -> Delay:
    by, _, jitter = rest.replace("+-", "±").partition("±")
    fault = Delay(parse_duration(by), parse_duration(jitter or "0"), lasts)
    if not timedelta(0) < fault.by <= LONGEST_DELAY or fault.jitter > fault.by:
        longest = format_duration(LONGEST_DELAY)
        raise BadLanFault(f"a delay is more than 0 and at most {longest}, its ± at most as much: not {rest!r}")
    return fault


def _flap(rest: str) -> Flap:
    found = _FLAP.fullmatch(rest)
    if found is None:
        raise BadLanFault(f"a flap is OFF/ON and perhaps ×N, like 3s/2s ×4, not {rest!r}")
    times = int(found[3]) if found[3] else None
    if times is not None and not 0 < times <= MOST_FLAPS:
        raise BadLanFault(f"a flap repeats 1 to {MOST_FLAPS} times, not {times}")
    return Flap(_either(found[1]), _either(found[2]), times)


def _either(text: str) -> Span:
    short, between, long = text.partition("..")
    span = Span(shortest=parse_duration(short), longest=parse_duration(long if between else short))
    if not timedelta(0) < span.shortest <= span.longest:
        raise BadLanFault(f"{text!r} is no time to flap: more than 0, and the shorter one first")
    return span


def _span_of(text: str) -> timedelta:
    lasts = parse_duration(text)
    if lasts <= timedelta(0):
        raise BadLanFault("a fault lasts more than 0")
    return lasts


def _for(lasts: timedelta | None) -> str:
    return "" if lasts is None else f" for {format_duration(lasts)}"
