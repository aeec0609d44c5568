"""How faults of a LAN and fault rules are written: what is read, and what is refused with what is possible."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rescue_applet.commands import ApplyLanFault, BadCommand, LiftLanFault, parse_command
from rescue_common.lan_notation import BadLanFault, Delay, Direction, Flap, Loss, Off, Span, parse_lan_fault
from rescue_server.core.status import Status
from rescue_server.faults.methods import methods
from rescue_server.faults.notation import BadRule
from rescue_server.faults.rules import (
    AffectCall,
    Called,
    Lose,
    LostMessage,
    OrderComputer,
    Shown,
    parse_rule,
    with_numbers,
    with_users,
)

METHODS = methods()


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        ("off for 40s", Off(timedelta(seconds=40))),
        ("loss UP for 1m", Loss(Direction.UP, timedelta(minutes=1))),
        ("delay 200ms +-50ms", Delay(timedelta(milliseconds=200), timedelta(milliseconds=50))),
        (
            "flap 3s/1s..2s x4",
            Flap(
                Span(shortest=timedelta(seconds=3), longest=timedelta(seconds=3)),
                Span(shortest=timedelta(seconds=1), longest=timedelta(seconds=2)),
                4,
            ),
        ),
    ],
)
def test_a_fault_of_the_lan_is_read_and_written(line: str, fault: object) -> None:
    assert parse_lan_fault(line) == fault
    assert parse_lan_fault(str(fault)) == fault
    assert parse_command(f"lan {line}") == ApplyLanFault(fault=fault)


@pytest.mark.parametrize("line", ["half-open", "reset", "loss 30% for 1m30s", "flap 1s/1s", "off"])
def test_what_is_written_is_what_was_read(line: str) -> None:
    assert str(parse_lan_fault(line)) == line


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("sideways", "possible: off"),
        ("off for ever", "not a duration"),
        ("loss", "loss up, loss down, or loss 30%"),
        ("loss 100%", "1 to 99"),
        ("delay 2m", "at most 1m"),
        ("delay 100ms ±200ms", "at most as much"),
        ("flap 3s", "3s/2s"),
        ("flap 5s..1s/1s", "the shorter one first"),
        ("flap 1s/1s ×0", "1 to "),
        ("reset for 3s", "takes no duration"),
        ("off for 0s", "more than 0"),
    ],
)
def test_a_bad_fault_is_refused_with_what_is_possible(line: str, hint: str) -> None:
    with pytest.raises(BadLanFault, match=hint):
        parse_lan_fault(line)
    with pytest.raises(BadCommand, match=hint):
        parse_command(f"lan {line}")


def test_one_fault_is_lifted_by_its_slot() -> None:
    assert parse_command("lan lift loss  up") == LiftLanFault(slot="loss up")
    with pytest.raises(BadCommand, match=r"lan lift off \| loss up"):
        parse_command("lan lift everything")


@pytest.mark.parametrize(
    ("text", "moment", "action", "session"),
    [
        (
            "when 1001 becomes Active for alice:  lan off for 40s",
            Shown(session="1001", status=Status.ACTIVE, user="alice", already=False),
            OrderComputer(line="lan off for 40s"),
            "",
        ),
        (
            "when any session is on hold: kill applet at 1002",
            Shown(session="", status=Status.ON_HOLD, user="", already=True),
            OrderComputer(line="kill"),
            "1002",
        ),
        ("lose the next heartbeat reply at 7", None, Lose(what=LostMessage.HEARTBEAT_REPLY, times=1), "7"),
        ("lose next 3 heartbeats at 7", None, Lose(what=LostMessage.HEARTBEAT, times=3), "7"),
        (
            "when StartSession of alice is called 3 times: fail next 2 calls of holdsession with unavailable",
            Called(method="StartSession", user="alice", nth=3),
            AffectCall(method="HoldSession", user="", times=2, code="UNAVAILABLE"),
            "",
        ),
        (
            "delay next EndSession of bob by 2s",
            None,
            AffectCall(method="EndSession", user="bob", times=1, delay=timedelta(seconds=2)),
            "",
        ),
        ("lose next reply of CreatePin", None, AffectCall(method="CreatePin", user="", times=1, loses_reply=True), ""),
        ("lan on at 1001", None, OrderComputer(line="lan on"), "1001"),
    ],
)
def test_a_rule_is_read(text: str, moment: object, action: object, session: str) -> None:
    rule = parse_rule(text, METHODS)
    assert (rule.moment, rule.action, rule.session) == (moment, action, session)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "no fault"),
        ("explode", "possible: lan"),
        ("when 1001 becomes Active lan off", "a colon"),
        ("when 1001 becomes Happy: lan off", "no status .*Connecting, Waiting"),
        ("when it rains: lan off at 1001", "no moment"),
        ("when vos becomes Active: lan off", "'vos' is no session .possible: a number, like 1001"),
        ("lan off at vos", "'vos' is no session"),
        ("when 1001 is Active: lan sideways", "no fault of a LAN"),
        ("lan off for 40s", "which session"),
        ("when StartSession is called: kill applet", "which session"),
        ("fail next StartSession with OK", "no code"),
        ("fail next StartSession with UNAVAILABLE at 1001", "is about calls"),
        ("fail next Nonsense with UNAVAILABLE", "no method .*StartSession"),
        ("fail next AddFault with UNAVAILABLE", "no method"),
        ("delay next AdvanceClock by 1s", "no method"),
        ("lose next reply of WatchQueue", "a stream"),
        ("fail next 0 StartSession with UNAVAILABLE", "1 to 1000"),
        ("delay next StartSession by soon", "not a duration"),
        ("x" * 400, "at most 300"),
    ],
)
def test_a_bad_rule_is_refused_with_what_is_possible(text: str, hint: str) -> None:
    with pytest.raises(BadRule, match=hint):
        parse_rule(text, METHODS)


@pytest.mark.parametrize(
    ("named", "numbered"),
    [
        ("when vos becomes Active for  smit: lan off for 40s", "when 7 becomes Active for smit: lan off for 40s"),
        ("when Vos is On Hold: kill applet at smit", "when 7 is On Hold: kill applet at 8"),
        (
            "when any becomes Closed: lose next 3 heartbeats at vos",
            "when any becomes Closed: lose next 3 heartbeats at 7",
        ),
        ("when StartSession of vos is called: lan on at vos", "when StartSession of vos is called: lan on at 7"),
        ("fail next StartSession of vos with ABORTED", "fail next StartSession of vos with ABORTED"),
    ],
)
def test_sessions_can_have_names_until_they_have_numbers(named: str, numbered: str) -> None:
    numbers = {"vos": "7", "smit": "8"}
    by_name, by_number = parse_rule(named, METHODS, sessions=numbers), parse_rule(numbered, METHODS)
    assert with_numbers(named, numbers) == numbered
    assert numbers.get(by_name.session, "") == by_number.session
    assert by_name.action == by_number.action


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("when 1001 becomes Active: lan off", "'1001' is no session .possible: vos, smit"),
        ("lan off at berg", "'berg' is no session"),
        ("lan off for 40s", "which session. write: lan off for 40s at vos"),
        ("when it rains: lan off", "possible: vos becomes Active"),
    ],
)
def test_where_sessions_have_names_numbers_are_none(text: str, hint: str) -> None:
    with pytest.raises(BadRule, match=hint):
        parse_rule(text, METHODS, sessions=("vos", "smit"))


@pytest.mark.parametrize(
    ("text", "there"),
    [
        ("when any becomes Active for bob: lan off for 40s", "when any becomes Active for bob-1: lan off for 40s"),
        ("when StartSession of bob is called 2 times: lan on", "when StartSession of bob-1 is called 2 times: lan on"),
        (
            "fail next 3 calls of StartSession of bob with INTERNAL",
            "fail next 3 calls of StartSession of bob-1 with INTERNAL",
        ),
        ("lose next replies of StartSession of bob", "lose next replies of StartSession of bob-1"),
        ("when 1001 becomes Incoming for eve: lan off", "when 1001 becomes Incoming for eve: lan off"),
    ],
)
def test_names_in_a_rule_become_accounts(text: str, there: str) -> None:
    assert with_users(text, {"bob": "bob-1"}) == there
