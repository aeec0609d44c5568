"""Faults in a scenario: faults of a customer's LAN, and the administrator's fault rules.

The parser of each notation decides what is valid. In a scenario, a customer's name stands for the number of the
session. This module also has the sentences that describe faults to people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rescue_common.lan_notation import (
    POSSIBLE,
    BadLanFault,
    parse_lan_fault,
)
from rescue_server.faults.notation import BadRule
from rescue_server.faults.rules import AffectCall, Called, Rule, Shown, parse_rule, with_numbers

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
        possible = technicians if isinstance(part, Shown) else (ADMIN, *technicians)  # only technicians have a queue
        if user and user not in possible:
            yield f"no technician is called {user!r}: there are {', '.join(map(repr, technicians))}"


def find_customer_without_session(text: str, numbers: Mapping[str, str]) -> str:
    """Return the customer in a valid rule that has no session yet; empty if all have one. `numbers` is by customer."""
    rule = _parse(text, tuple(numbers))
    named = (rule.session, rule.moment.session if isinstance(rule.moment, Shown) else "")
    return next((name for name in named if name and not numbers[name]), "")


def rule_for(text: str, numbers: Mapping[str, str]) -> str:
    """Return a valid rule in the notation of the server."""
    return with_numbers(text, numbers)


def _parse(text: str, customers: Sequence[str]) -> Rule:
    # Only a scenario with a fault rule needs the contract, which is slow to import.
    from rescue_server.faults.methods import methods

    return parse_rule(text, methods(), sessions=customers)
