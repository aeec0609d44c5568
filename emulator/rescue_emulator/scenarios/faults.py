"""Faults in a scenario: faults of a customer's LAN, and the administrator's fault rules.

The parser of each notation decides what is valid. In a scenario, a customer's name stands for the number of the
session. This module also has the sentences that describe faults to people.
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
from rescue_server.faults.rules import AffectCall, BadRule, Called, Rule, Shown, parse_rule, with_numbers

ADD = "fault add "
LAN = "lan "
LIFT = "lift "
#: The one user besides the technicians that a rule can name.
ADMIN = "admin"
#: The word in a rule that stands for any session.
ANY = "any"


def find_lan_flaw(text: str) -> str:
    """Return what is wrong with the text after `lan`; empty if it is right."""
    if text == "on" or text.startswith(LIFT):  # the schema has checked these
        return ""
    try:
        parse_lan_fault(text)
    except BadLanFault as error:
        return str(error) if POSSIBLE in str(error) else f"{error} (possible: {POSSIBLE})"
    return ""


def find_rule_flaws(text: str, customers: Sequence[str], technicians: Sequence[str]) -> Iterator[str]:
    """Yield what is wrong with a fault rule. In it, customers' names stand for their sessions."""
    try:
        rule = _parse(text, customers)
    except BadRule as error:
        yield str(error)
        return
    if isinstance(rule.moment, Shown) and not rule.moment.session and ANY in customers:
        yield f"{ANY!r} is any session in a rule: call the customer something else"
    for part in (rule.moment, rule.action):
        user = part.user if isinstance(part, Shown | Called | AffectCall) else ""
        if user not in ("", ADMIN, *technicians):
            yield f"no technician is called {user!r}: there are {', '.join(map(repr, technicians))}"


def find_customer_without_session(text: str, numbers: Mapping[str, str]) -> str:
    """Return the customer in a valid rule that has no session yet; empty if all have one. `numbers` is by customer."""
    rule = _parse(text, tuple(numbers))
    named = (rule.session, rule.moment.session if isinstance(rule.moment, Shown) else "")
    return next((name for name in named if name and not numbers[name]), "")


def rule_for(text: str, numbers: Mapping[str, str]) -> str:
    """Return a valid rule in the notation of the server."""
    return with_numbers(text, numbers)


def lan_sentence(text: str, who: str) -> str:
    """Return a sentence about what happens to the network of a computer."""
    if text == "on":
        return f"the network cable of {who}'s computer is back in"
    if text.startswith(LIFT):
        return f"the network of {who}'s computer is over its {text.removeprefix(LIFT)}"
    fault = parse_lan_fault(text)
    return _fault_sentence(fault, who) + (f", for {format_duration(fault.lasts)}" if fault.lasts is not None else "")


def _fault_sentence(fault: LanFault, who: str) -> str:
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


def _parse(text: str, customers: Sequence[str]) -> Rule:
    # Only a scenario with a fault rule needs the contract, which is slow to import.
    from rescue_server.faults.methods import methods

    return parse_rule(text, methods(), sessions=customers)
