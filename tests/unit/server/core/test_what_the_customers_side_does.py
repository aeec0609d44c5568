"""The table "What the customer's side does", sentence by sentence."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rescue_protos.errors import PinRefused
from rescue_server.core.session import EndReason
from rescue_server.core.status import Link
from tests.unit.server.core.one_session import Play, joined, with_role


def test_with_no_terms_set_the_applet_joins_at_once() -> None:
    play = Play()
    play.customer("redeem")
    assert play.sees == {"alice": "Connecting"}
    play.customer("attach")
    assert play.last == {"alice": ("Connecting", "Waiting")}


def test_through_a_channel_everybody_waits_once_the_terms_are_accepted() -> None:
    play = Play(channel="Web", terms="Be nice.")
    play.customer("attach")
    assert set(play.sees.values()) == {"Connecting"}
    play.customer("accept")
    assert play.sees == dict.fromkeys(("alice", "bob", "carol", "dave", "erin"), "Waiting")


@pytest.mark.parametrize("does", ["", "decline", "close", "down", "chat", "beat"])
def test_without_accepted_terms_it_stays_connecting_until_the_time_out(does: str) -> None:
    play = Play(terms="Be nice.")
    play.customer("redeem")
    play.customer("attach")
    if does:
        play.customer(does)
    assert play.sees == {"alice": "Connecting"}
    assert play.advance(minutes=20) == ["CONNECTING 1200"]
    assert play.last == {"alice": ("Connecting", "Removed from TC queue")}
    assert play.session.end_reason is EndReason.CONNECTING_TIMEOUT


def test_a_pin_that_is_never_used_stays_connecting_until_the_time_out() -> None:
    play = Play()
    assert play.advance(minutes=20, seconds=-1) == []
    assert play.sees == {"alice": "Connecting"}
    assert play.advance(seconds=1) == ["CONNECTING 1200"]


def test_a_pin_is_spent_before_the_terms_which_may_come_after_its_validity() -> None:
    play = Play(terms="Be nice.", private_code_validity=timedelta(minutes=1))
    play.customer("redeem")
    play.customer("attach")
    play.advance(minutes=5)
    with pytest.raises(PinRefused) as refused:
        play.customer("redeem")
    assert refused.value.reason == "PIN_USED"
    play.customer("accept")
    assert play.sees == {"alice": "Waiting"}


def test_declining_spends_the_pin_for_good() -> None:
    play = Play(terms="Be nice.")
    play.customer("redeem")
    play.customer("attach")
    play.customer("decline")
    play.customer("accept")
    assert play.sees == {"alice": "Connecting"}
    with pytest.raises(PinRefused):
        play.customer("redeem")


def test_a_pin_is_good_for_its_validity_and_not_after() -> None:
    play = Play(private_code_validity=timedelta(minutes=2))
    play.advance(minutes=2, seconds=1)
    with pytest.raises(PinRefused) as refused:
        play.customer("redeem")
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
    play, who = with_role(role)
    play.customer("close")
    assert play.sees.get(who) == becomes
    assert play.session.end_reason is EndReason.CLOSED_BY_CUSTOMER


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
    play, who = with_role(role)
    shown = [play.sees[who]]
    play.link(Link.RECONNECTING)
    shown.append(play.sees[who])
    play.advance(minutes=5)
    assert play.session.link is Link.OFFLINE
    shown.append(play.sees[who])
    play.customer("attach")
    assert play.sees[who] == shown[0]
    play.link(Link.REBOOTING)
    shown.append(play.sees[who])
    assert tuple(shown) == SEEN[role]
    play.customer("attach")
    assert play.sees[who] == shown[0]


def test_a_heartbeat_brings_the_link_back_but_ends_no_reboot() -> None:
    play = joined()
    play.link(Link.RECONNECTING)
    play.customer("beat")
    assert play.sees == {"alice": "Waiting"}
    play.customer("down")
    play.customer("beat")
    assert play.sees == {"alice": "Rebooting"}
    play.advance(minutes=999)
    assert play.sees == {"alice": "Rebooting"}, "silence while rebooting stays Rebooting"
    play.customer("attach")
    assert play.sees == {"alice": "Waiting"}


def test_nothing_of_an_ended_session_is_changed_by_its_applet() -> None:
    play = joined()
    play.do("alice start")
    play.link(Link.OFFLINE)
    play.do("alice end")
    ended = play.session
    for what in ("attach", "beat", "down", "chat", "close", "accept"):
        play.customer(what)
    assert play.session is ended
