"""The table "What the customer's side does", sentence by sentence."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rescue_protos.errors import PinRefused
from rescue_server.core.session import EndReason
from rescue_server.core.status import Link
from tests.unit.server.core.session_builder import SessionBuilder, joined, with_role


def test_with_no_terms_set_the_applet_joins_at_once() -> None:
    builder = SessionBuilder()
    builder.customer("redeem")
    assert builder.sees == {"alice": "Connecting"}
    builder.customer("attach")
    assert builder.last == {"alice": ("Connecting", "Waiting")}


def test_through_a_channel_everybody_waits_once_the_terms_are_accepted() -> None:
    builder = SessionBuilder(channel="Web", terms="Be nice.")
    builder.customer("attach")
    assert set(builder.sees.values()) == {"Connecting"}
    builder.customer("accept")
    assert builder.sees == dict.fromkeys(("alice", "bob", "carol", "dave", "erin"), "Waiting")


@pytest.mark.parametrize("does", ["", "decline", "close", "down", "chat", "beat"])
def test_without_accepted_terms_it_stays_connecting_until_the_time_out(does: str) -> None:
    builder = SessionBuilder(terms="Be nice.")
    builder.customer("redeem")
    builder.customer("attach")
    if does:
        builder.customer(does)
    assert builder.sees == {"alice": "Connecting"}
    assert builder.advance(minutes=20) == ["CONNECTING 1200"]
    assert builder.last == {"alice": ("Connecting", "Removed from TC queue")}
    assert builder.session.end_reason is EndReason.CONNECTING_TIMEOUT


def test_a_pin_that_is_never_used_stays_connecting_until_the_time_out() -> None:
    builder = SessionBuilder()
    assert builder.advance(minutes=20, seconds=-1) == []
    assert builder.sees == {"alice": "Connecting"}
    assert builder.advance(seconds=1) == ["CONNECTING 1200"]


def test_a_pin_is_spent_before_the_terms_which_may_come_after_its_validity() -> None:
    builder = SessionBuilder(terms="Be nice.", private_code_validity=timedelta(minutes=1))
    builder.customer("redeem")
    builder.customer("attach")
    builder.advance(minutes=5)
    with pytest.raises(PinRefused) as refused:
        builder.customer("redeem")
    assert refused.value.reason == "PIN_USED"
    builder.customer("accept")
    assert builder.sees == {"alice": "Waiting"}


def test_declining_spends_the_pin_for_good() -> None:
    builder = SessionBuilder(terms="Be nice.")
    builder.customer("redeem")
    builder.customer("attach")
    builder.customer("decline")
    builder.customer("accept")
    assert builder.sees == {"alice": "Connecting"}
    with pytest.raises(PinRefused):
        builder.customer("redeem")


def test_a_pin_is_good_for_its_validity_and_not_after() -> None:
    builder = SessionBuilder(private_code_validity=timedelta(minutes=2))
    builder.advance(minutes=2, seconds=1)
    with pytest.raises(PinRefused) as refused:
        builder.customer("redeem")
    assert refused.value.reason == "PIN_EXPIRED"


@pytest.mark.parametrize(
    ("role", "becomes"),
    [
        ("waiting", None),
        ("lead", "Closed"),
        ("lead on hold", "Closed"),
        ("incoming", None),
        ("outgoing", "Closed"),
        ("collaborator", "Closed"),
        ("collaborator on hold", "Closed"),
        ("held by the lead", "Closed"),
        ("invited", None),
    ],
)
def test_the_customer_closes_the_applet(role: str, becomes: str | None) -> None:
    builder, who = with_role(role)
    builder.customer("close")
    assert builder.sees.get(who) == becomes
    assert builder.session.end_reason is EndReason.CLOSED_BY_CUSTOMER


SEEN = {
    # role: connected, reconnecting, offline, rebooting
    "waiting": ("Waiting", "Reconnecting", "Offline", "Rebooting"),
    "lead": ("Active", "Reconnecting", "Offline", "Rebooting"),
    "lead on hold": ("On Hold", "Reconnecting", "Offline", "Rebooting"),
    "incoming": ("Incoming", "Reconnecting", "Reconnecting", "Rebooting"),
    "outgoing": ("Outgoing", "Outgoing", "Outgoing", "Rebooting"),
    "collaborator": ("Collaborating", "Collaborating", "Collaborating", "Rebooting"),
    "collaborator on hold": ("On Hold", "On Hold", "On Hold", "Rebooting"),
    "held by the lead": ("On Hold", "On Hold", "On Hold", "Rebooting"),
    "invited": ("Invitation", "Invitation", "Invitation", "Invitation"),
}


@pytest.mark.parametrize("role", SEEN)
def test_the_status_is_derived_from_link_and_role_and_comes_back(role: str) -> None:
    builder, who = with_role(role)
    shown = [builder.sees[who]]
    builder.link(Link.RECONNECTING)
    shown.append(builder.sees[who])
    builder.advance(minutes=5)
    assert builder.session.link is Link.OFFLINE
    shown.append(builder.sees[who])
    builder.customer("attach")
    assert builder.sees[who] == shown[0]
    builder.link(Link.REBOOTING)
    shown.append(builder.sees[who])
    assert tuple(shown) == SEEN[role]
    builder.customer("attach")
    assert builder.sees[who] == shown[0]


def test_a_heartbeat_brings_the_link_back_but_ends_no_reboot() -> None:
    builder = joined()
    builder.link(Link.RECONNECTING)
    builder.customer("beat")
    assert builder.sees == {"alice": "Waiting"}
    builder.customer("down")
    builder.customer("beat")
    assert builder.sees == {"alice": "Rebooting"}
    builder.advance(minutes=999)
    assert builder.sees == {"alice": "Rebooting"}, "silence while rebooting stays Rebooting"
    builder.customer("attach")
    assert builder.sees == {"alice": "Waiting"}


def test_nothing_of_an_ended_session_is_changed_by_its_applet() -> None:
    builder = joined()
    builder.do("alice start")
    builder.link(Link.OFFLINE)
    builder.do("alice end")
    ended = builder.session
    for what in ("attach", "beat", "down", "chat", "close", "accept"):
        builder.customer(what)
    assert builder.session is ended
