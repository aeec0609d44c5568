"""The section "Time", sentence by sentence. Time-outs are given as they fire: which, whose, after how many seconds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rescue_protos.errors import CommandNotAllowed
from rescue_server.core.events import Process
from rescue_server.core.status import Link
from tests.unit.server.core.one_session import Play, joined

MINUTE = timedelta(minutes=1)


def call(*more: str, **settings: timedelta) -> Play:
    """A session that alice leads, nobody in focus, with an idle time-out of a minute if nothing else is said."""
    play = joined(**{"idle_timeout": MINUTE, **settings})
    for line in ("alice start", *more):
        play.do(line)
    return play


WITH_BOB = ("alice invite bob", "bob start")


def test_the_connecting_time_out_counts_from_creation() -> None:
    play = Play(terms="Be nice.")
    play.advance(minutes=15)
    play.customer("redeem")
    play.customer("attach")
    assert play.advance(minutes=5) == ["CONNECTING 1200"]


@pytest.mark.parametrize("link", [Link.CONNECTED, Link.RECONNECTING, Link.OFFLINE, Link.REBOOTING])
def test_the_waiting_time_out_counts_from_waiting_whatever_the_link(link: Link) -> None:
    play = Play(waiting_timeout=2 * MINUTE)
    play.advance(minutes=1)
    play.customer("redeem")
    play.customer("attach")
    play.advance(seconds=30)
    play.link(link)
    assert "WAITING 180" in play.advance(minutes=3)
    assert play.sees == {}


def test_zero_is_never() -> None:
    play = joined(waiting_timeout=timedelta(0), idle_timeout=timedelta(0))
    assert play.advance(minutes=100_000) == []
    play.do("alice start")
    assert play.advance(minutes=100_000) == []


def test_an_idle_lead_times_out_and_takes_the_others_along() -> None:
    play = call(*WITH_BOB, "alice invite carol", "alice invite dave", "dave start", "dave hold")
    play.set("group:Network", idle_timeout=timedelta(0))
    play.focus("bob", True)
    assert play.advance(minutes=2) == ["IDLE_LEAD alice 60"]
    assert play.sees == {"alice": "Timed Out", "bob": "Closed", "dave": "Closed"}
    play.advance(minutes=4)
    assert play.sees["alice"] == "Timed Out", "until the technician ends it"


def test_an_idle_collaborator_is_removed_timed_out() -> None:
    play = call(*WITH_BOB)
    play.focus("alice", True)
    assert play.advance(minutes=2) == ["IDLE_COLLABORATOR bob 60"]
    assert play.last == {"bob": ("Collaborating", "Removed from TC queue (Timed Out)")}


def test_nobody_on_hold_times_out() -> None:
    assert call(*WITH_BOB, "alice hold").advance(minutes=1000) == []
    play = call(*WITH_BOB, "bob hold")
    play.focus("alice", True)
    assert play.advance(minutes=1000) == []


def test_the_clock_stands_in_focus_and_counts_from_its_loss() -> None:
    play = call()
    play.focus("alice", True)
    assert play.advance(minutes=30) == []
    play.focus("alice", False)
    assert play.advance(minutes=1) == ["IDLE_LEAD alice 1860"]


@pytest.mark.parametrize("process", list(Process))
def test_an_open_process_holds_only_its_technicians_clock(process: Process) -> None:
    play = call(*WITH_BOB, f"alice open {process.value}")
    assert play.advance(minutes=1) == ["IDLE_COLLABORATOR bob 60"]
    play.do(f"alice close {process.value}")
    assert play.advance(minutes=1) == ["IDLE_LEAD alice 120"]


@pytest.mark.parametrize("holds", ["focus", "process", "both"])
@pytest.mark.parametrize("back", [False, True])
def test_when_the_link_is_lost_neither_focus_nor_process_holds(holds: str, back: bool) -> None:
    play = call()
    if holds != "process":
        play.focus("alice", True)
    if holds != "focus":
        play.do("alice open remote-control")
    play.advance(seconds=30)
    play.link(Link.RECONNECTING)
    if back:  # held again, from zero
        play.advance(seconds=59)
        play.customer("attach")
        assert play.advance(minutes=10) == []
    else:
        assert play.advance(minutes=1) == ["IDLE_LEAD alice 90"]
        assert play.last == {"alice": ("Reconnecting", "Timed Out")}


def test_a_clock_that_ran_already_runs_on_when_the_link_is_lost() -> None:
    play = call()
    play.advance(seconds=40)
    play.link(Link.RECONNECTING)
    assert play.advance(minutes=1) == ["IDLE_LEAD alice 60"]


def test_an_idle_time_out_comes_while_offline_too() -> None:
    play = call(idle_timeout=7 * MINUTE)
    play.link(Link.RECONNECTING)
    assert play.advance(minutes=10) == ["OFFLINE 300", "IDLE_LEAD alice 420"]
    assert play.last == {"alice": ("Offline", "Timed Out")}


@pytest.mark.parametrize(
    ("line", "restarts"),
    [
        ("alice chat", {"alice"}),
        ("alice reboot", {"alice"}),
        ("alice invite carol", {"alice"}),
        ("alice offer bob", {"alice"}),
        ("alice remove bob", {"alice"}),
        ("alice open file-manager", {"alice"}),
        ("bob chat", {"bob"}),
        ("bob reboot", {"bob"}),
    ],
)
def test_any_command_starts_the_clock_of_who_gave_it_anew(line: str, restarts: set[str]) -> None:
    play = call(*WITH_BOB)
    before = play.now
    play.advance(seconds=50)
    play.do(line)
    entries = play.session.entries
    assert {name for name, entry in entries.items() if entry.counted_from > before} - {"carol"} == restarts


def test_the_customers_chat_starts_every_clock_anew() -> None:
    play = call(*WITH_BOB)
    play.advance(seconds=50)
    play.customer("chat")
    assert play.advance(minutes=1) == ["IDLE_COLLABORATOR bob 110", "IDLE_LEAD alice 110"]


def test_a_refused_command_restarts_nothing() -> None:
    play = call()
    play.advance(seconds=50)
    with pytest.raises(CommandNotAllowed):
        play.do("alice accept")
    assert play.advance(seconds=10) == ["IDLE_LEAD alice 60"]


@pytest.mark.parametrize("lines", [("alice hold", "alice start"), ("alice transfer bob", "alice start")])
def test_becoming_lead_active_counts_from_zero(lines: tuple[str, str]) -> None:
    play = call()
    play.advance(seconds=50)
    for line in lines:
        play.do(line)
    assert play.advance(minutes=1) == ["IDLE_LEAD alice 110"]


def test_becoming_collaborating_counts_from_zero() -> None:
    play = call(*WITH_BOB, "alice offer bob")
    play.advance(seconds=50)
    play.do("bob accept")
    assert play.advance(minutes=1) == ["IDLE_COLLABORATOR alice 110", "IDLE_LEAD bob 110"]


def test_no_idle_time_out_while_rebooting_but_on_the_return() -> None:
    play = call(*WITH_BOB)
    play.customer("down")
    assert play.advance(minutes=5) == []
    play.customer("attach")
    assert [type(event).__name__ for event in play.events[-3:]] == ["LinkRestored", "IdleTimedOut", "IdleTimedOut"]
    assert play.events[-1].at == play.events[-3].at == play.now
    assert [told["alice"].row for told in (play.told[-3], play.told[-1])] == [52, 9]
    assert [told["bob"].row for told in (play.told[-3], play.told[-2])] == [58, 47]


def test_who_was_in_focus_counts_from_the_beginning_of_the_reboot() -> None:
    play = call()
    play.focus("alice", True)
    play.advance(minutes=10)
    play.customer("down")
    play.advance(seconds=59)
    play.customer("attach")
    assert play.sees == {"alice": "Active"}
    assert play.advance(minutes=10) == [], "held again"
    play.customer("down")
    play.advance(minutes=1)
    play.customer("attach")
    assert play.sees == {"alice": "Timed Out"}


def test_an_entrys_idle_time_out_follows_its_technicians_group() -> None:
    play = call("alice invite dave", "dave start")
    play.set("group:Network", idle_timeout=3 * MINUTE)
    play.set("group:Support", idle_timeout=5 * MINUTE)
    assert play.advance(minutes=10) == ["IDLE_COLLABORATOR dave 180", "IDLE_LEAD alice 300"]


def test_a_session_by_pin_follows_its_creators_group_and_one_by_channel_the_channel() -> None:
    by_pin, by_channel = joined(), Play(channel="Web")
    by_channel.customer("attach")
    for play in (by_pin, by_channel):
        play.set("group:Support", waiting_timeout=2 * MINUTE)
        play.set("channel:Web", waiting_timeout=3 * MINUTE)
    assert by_pin.advance(minutes=5) == ["WAITING 120"]
    assert by_channel.advance(minutes=5) == ["WAITING 180"]


def test_a_changed_setting_applies_to_the_running_count() -> None:
    play = call(idle_timeout=10 * MINUTE)
    play.advance(minutes=2)
    play.set("group:Support", idle_timeout=3 * MINUTE)
    assert play.advance(minutes=5) == ["IDLE_LEAD alice 180"]


def test_for_the_same_instant_collaborators_go_by_name_before_the_lead() -> None:
    play = call("alice invite carol", "carol start", *WITH_BOB)
    assert play.advance(minutes=1) == ["IDLE_COLLABORATOR bob 60", "IDLE_COLLABORATOR carol 60", "IDLE_LEAD alice 60"]


def test_for_the_same_instant_offline_comes_before_the_time_outs() -> None:
    play = call(idle_timeout=5 * MINUTE)
    play.link(Link.RECONNECTING)
    assert play.advance(minutes=5) == ["OFFLINE 300", "IDLE_LEAD alice 300"]
    play = joined(waiting_timeout=5 * MINUTE)
    play.link(Link.RECONNECTING)
    assert play.advance(minutes=5) == ["OFFLINE 300", "WAITING 300"]
