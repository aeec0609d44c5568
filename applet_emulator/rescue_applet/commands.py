"""The customer's commands, and how their lines are parsed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from rescue_common.durations import parse_duration
from rescue_common.lan_notation import POSSIBLE, SLOTS, BadLanFault, LanFault, parse_lan_fault

HELP = (
    "accept · decline · lan off · lan on · lan FAULT · lan lift FAULT · reboot [DURATION|hold] · boot · chat TEXT · "
    "kill · close · quit"
)


class BadCommand(Exception):
    """The line is no command. The message lists the possible commands."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerTerms:
    """The customer accepts the terms or declines them."""

    accepted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchLan:
    """The network cable carries, or does not."""

    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyLanFault:
    """Something goes wrong with the network."""

    fault: LanFault


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftLanFault:
    """One fault of the network is over; the others stay."""

    slot: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reboot:
    """The customer reboots the computer.

    `boot_time` is emulated time until the applet is back; None is the computer's own. With `hold` the computer
    stays down until `boot`.
    """

    boot_time: timedelta | None = None
    hold: bool = False


@dataclass(frozen=True, slots=True)
class Boot:
    """The computer boots now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WriteChatLine:
    """The customer writes a chat line."""

    text: str


@dataclass(frozen=True, slots=True)
class KillApplet:
    """The applet's process is killed: the one that runs, or the next if the computer is down."""


@dataclass(frozen=True, slots=True)
class CloseApplet:
    """The customer closes the applet."""


@dataclass(frozen=True, slots=True)
class PullPlug:
    """The computer disappears without a message."""


Command = (
    AnswerTerms
    | SwitchLan
    | ApplyLanFault
    | LiftLanFault
    | Reboot
    | Boot
    | WriteChatLine
    | KillApplet
    | CloseApplet
    | PullPlug
)

_PLAIN: dict[str, Command] = {
    "accept": AnswerTerms(accepted=True),
    "decline": AnswerTerms(accepted=False),
    "lan off": SwitchLan(on=False),
    "lan on": SwitchLan(on=True),
    "reboot": Reboot(),
    "reboot hold": Reboot(hold=True),
    "boot": Boot(),
    "kill": KillApplet(),
    "close": CloseApplet(),
    "quit": PullPlug(),
}


def parse_command(line: str) -> Command:
    """Return the command in a line. Raises BadCommand."""
    if plain := _PLAIN.get(" ".join(line.split()).lower()):
        return plain
    word, _, rest = line.strip().partition(" ")
    rest = rest.strip()
    if word == "chat" and rest:
        return WriteChatLine(text=rest)
    if word == "chat":
        raise BadCommand("chat what? write: chat TEXT")
    if word == "lan":
        return _lan(rest)
    if word == "reboot":
        try:
            return Reboot(boot_time=parse_duration(rest))
        except ValueError as error:
            raise BadCommand(f"{error}, or hold") from None
    raise BadCommand(f"{line.strip()!r} is no command here; there are: {HELP}")


def _lan(rest: str) -> Command:
    word, _, slot = " ".join(rest.lower().split()).partition(" ")
    if word == "lift":
        if slot not in SLOTS:
            raise BadCommand(f"lift what? write: lan lift {' | '.join(SLOTS)}, or lan on for all")
        return LiftLanFault(slot=slot)
    try:
        return ApplyLanFault(fault=parse_lan_fault(rest))
    except BadLanFault as error:
        hint = "" if POSSIBLE in str(error) else f" (possible after lan: on, lift …, {POSSIBLE})"
        raise BadCommand(f"{error}{hint}") from None
