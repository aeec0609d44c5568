"""Faults in a scenario: those of a customer's LAN, and the administrator's fault rules.

What can be written is decided by the one parser of each notation. A story adds that customers' names stand where the
server wants the numbers of sessions, and how a fault is told to people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rescue_common.durations import format_duration
from rescue_common.lan_notation import (
    POSSIBLE,
    BadLanFault,
    Delay,
    Direction,
    Flap,
    HalfOpen,
    LanFault,
    Loss,
    Off,
    RandomLoss,
    Reset,
    parse_lan_fault,
)
from rescue_server.faults.rules import BadRule, Called, Meddle, Rule, Shown, parse_rule, with_numbers

ADD = "fault add "
LAN = "lan "
LIFT = "lift "
#: Who can be named in a rule beside the technicians.
ADMIN = "admin"
#: What stands in a rule for whichever session it is.
ANY = "any"


def lan_flaw(said: str) -> str:
    """Return what is wrong with what stands after `lan`; empty if nothing is."""
    if said == "on" or said.startswith(LIFT):  # which there are, the schema has seen to
        return ""
    try:
        parse_lan_fault(said)
    except BadLanFault as error:
        return str(error) if POSSIBLE in str(error) else f"{error} (possible: {POSSIBLE})"
    return ""


def rule_flaws(said: str, customers: Sequence[str], technicians: Sequence[str]) -> Iterator[str]:
    """Return what is wrong with a fault rule in which customers' names stand for their sessions."""
    try:
        rule = _rule(said, customers)
    except BadRule as error:
        yield str(error)
        return
    if isinstance(rule.moment, Shown) and not rule.moment.session and ANY in customers:
        yield f"{ANY!r} is any session in a rule: call the customer something else"
    for part in (rule.moment, rule.action):
        user = part.user if isinstance(part, Shown | Called | Meddle) else ""
        if user not in ("", ADMIN, *technicians):
            yield f"no technician is called {user!r}: there are {', '.join(map(repr, technicians))}"


def without_session(said: str, numbers: Mapping[str, str]) -> str:
    """Return which customer a good rule names who has no session yet; empty if all have. `numbers` is by customer."""
    rule = _rule(said, tuple(numbers))
    named = (rule.session, rule.moment.session if isinstance(rule.moment, Shown) else "")
    return next((name for name in named if name and not numbers[name]), "")


def rule_for(said: str, numbers: Mapping[str, str]) -> str:
    """Return a good rule as the server takes it."""
    return with_numbers(said, numbers)


def lan_sentence(said: str, who: str) -> str:
    """Tell what happens to the network of somebody's computer."""
    if said == "on":
        return f"the network cable of {who}'s computer is back in"
    if said.startswith(LIFT):
        return f"the network of {who}'s computer is over its {said.removeprefix(LIFT)}"
    fault = parse_lan_fault(said)
    return _told(fault, who) + (f", for {format_duration(fault.lasts)}" if fault.lasts is not None else "")


def _told(fault: LanFault, who: str) -> str:
    match fault:
        case Off():
            return f"a foot catches the network cable of {who}'s computer"
        case Loss(direction=Direction.UP):
            return f"whatever {who}'s computer sends gets lost on its way"
        case Loss():
            return f"whatever is sent to {who}'s computer gets lost on its way"
        case RandomLoss(percent=percent):
            return f"the network of {who}'s computer loses {percent}% of what it carries, and has to repeat it"
        case Delay(by=by):
            return f"the network of {who}'s computer is slow: all that it carries arrives {format_duration(by)} later"
        case Flap(off=off, on=on, times=times):
            often = f", {times} times" if times else ", over and over"
            return f"the network cable of {who}'s computer has a loose contact: out for {off}, in for {on}{often}"
        case HalfOpen():
            return f"the connections of {who}'s computer die, and neither end is told"
        case Reset():
            return f"the connections of {who}'s computer are reset"


def _rule(said: str, customers: Sequence[str]) -> Rule:
    # Only a story with a fault rule needs the contract, which takes its time to import.
    from rescue_server.faults.methods import methods

    return parse_rule(said, methods(), sessions=customers)
