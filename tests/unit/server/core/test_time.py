"""The section "Time" of the specification, sentence by sentence. A time-out is written as kind, technician, seconds."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rescue_protos.errors import CommandNotAllowed
from rescue_server.core.events import Process
from rescue_server.core.status import Link
from tests.unit.server.core.session_builder import SessionBuilder, joined

MINUTE = timedelta(minutes=1)


def call(*more: str, **settings: timedelta) -> SessionBuilder:
    """A session that alice leads, nobody in focus, with an idle time-out of one minute by default."""
    builder = joined(**{"idle_timeout": MINUTE, **settings})
    for line in ("alice start", *more):
        builder.do(line)
    return builder


WITH_BOB = ("alice invite bob", "bob start")


def test_the_connecting_time_out_counts_from_creation() -> None:
    builder = SessionBuilder(terms="Be nice.")
    builder.advance(minutes=15)
    builder.customer("redeem")
    builder.customer("attach")
    assert builder.advance(minutes=5) == ["CONNECTING 1200"]


@pytest.mark.parametrize("link", [Link.CONNECTED, Link.RECONNECTING, Link.OFFLINE, Link.REBOOTING])
def test_the_waiting_time_out_counts_from_waiting_whatever_the_link(link: Link) -> None:
    builder = SessionBuilder(waiting_timeout=2 * MINUTE)
    builder.advance(minutes=1)
    builder.customer("redeem")
    builder.customer("attach")
    builder.advance(seconds=30)
    builder.link(link)
    assert "WAITING 180" in builder.advance(minutes=3)
    assert builder.sees == {}


def test_zero_is_never() -> None:
    builder = joined(waiting_timeout=timedelta(0), idle_timeout=timedelta(0))
    assert builder.advance(minutes=100_000) == []
    builder.do("alice start")
    assert builder.advance(minutes=100_000) == []


def test_an_idle_lead_times_out_and_takes_the_others_along() -> None:
    builder = call(*WITH_BOB, "alice invite carol", "alice invite dave", "dave start", "dave hold")
    builder.set("group:Network", idle_timeout=timedelta(0))
    builder.focus("bob", True)
    assert builder.advance(minutes=2) == ["IDLE_LEAD alice 60"]
    assert builder.sees == {"alice": "Timed Out", "bob": "Closed", "dave": "Closed"}
    builder.advance(minutes=4)
    assert builder.sees["alice"] == "Timed Out", "until the technician ends it"


def test_an_idle_collaborator_is_removed_timed_out() -> None:
    builder = call(*WITH_BOB)
    builder.focus("alice", True)
    assert builder.advance(minutes=2) == ["IDLE_COLLABORATOR bob 60"]
    assert builder.last == {"bob": ("Collaborating", "Removed from TC queue (Timed Out)")}


def test_nobody_on_hold_times_out() -> None:
    assert call(*WITH_BOB, "alice hold").advance(minutes=1000) == []
    builder = call(*WITH_BOB, "bob hold")
    builder.focus("alice", True)
    assert builder.advance(minutes=1000) == []


def test_the_clock_stands_in_focus_and_counts_from_its_loss() -> None:
    builder = call()
    builder.focus("alice", True)
    assert builder.advance(minutes=30) == []
    builder.focus("alice", False)
    assert builder.advance(minutes=1) == ["IDLE_LEAD alice 1860"]


@pytest.mark.parametrize("process", list(Process))
def test_an_open_process_holds_only_its_technicians_clock(process: Process) -> None:
    builder = call(*WITH_BOB, f"alice open {process.value}")
    assert builder.advance(minutes=1) == ["IDLE_COLLABORATOR bob 60"]
    builder.do(f"alice close {process.value}")
    assert builder.advance(minutes=1) == ["IDLE_LEAD alice 120"]


@pytest.mark.parametrize("holds", ["focus", "process", "both"])
@pytest.mark.parametrize("back", [False, True])
def test_when_the_link_is_lost_neither_focus_nor_process_holds(holds: str, back: bool) -> None:
    builder = call()
    if holds != "process":
        builder.focus("alice", True)
    if holds != "focus":
        builder.do("alice open remote-control")
    builder.advance(seconds=30)
    builder.link(Link.RECONNECTING)
    if back:  # held again, from zero
        builder.advance(seconds=59)
        builder.customer("attach")
        assert builder.advance(minutes=10) == []
    else:
        assert builder.advance(minutes=1) == ["IDLE_LEAD alice 90"]
        assert builder.last == {"alice": ("Reconnecting", "Timed Out")}


def test_a_clock_that_ran_already_runs_on_when_the_link_is_lost() -> None:
    builder = call()
    builder.advance(seconds=40)
    builder.link(Link.RECONNECTING)
    assert builder.advance(minutes=1) == ["IDLE_LEAD alice 60"]


def test_an_idle_time_out_comes_while_offline_too() -> None:
    builder = call(idle_timeout=7 * MINUTE)
    builder.link(Link.RECONNECTING)
    assert builder.advance(minutes=10) == ["OFFLINE 300", "IDLE_LEAD alice 420"]
    assert builder.last == {"alice": ("Offline", "Timed Out")}


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
    builder = call(*WITH_BOB)
    before = builder.now
    builder.advance(seconds=50)
    builder.do(line)
    entries = builder.session.entries
    assert {name for name, entry in entries.items() if entry.counted_from > before} - {"carol"} == restarts


def test_the_customers_chat_starts_every_clock_anew() -> None:
    builder = call(*WITH_BOB)
    builder.advance(seconds=50)
    builder.customer("chat")
    assert builder.advance(minutes=1) == ["IDLE_COLLABORATOR bob 110", "IDLE_LEAD alice 110"]


def test_a_refused_command_restarts_nothing() -> None:
    builder = call()
    builder.advance(seconds=50)
    with pytest.raises(CommandNotAllowed):
        builder.do("alice accept")
    assert builder.advance(seconds=10) == ["IDLE_LEAD alice 60"]


@pytest.mark.parametrize("lines", [("alice hold", "alice start"), ("alice transfer bob", "alice start")])
def test_becoming_lead_active_counts_from_zero(lines: tuple[str, str]) -> None:
    builder = call()
    builder.advance(seconds=50)
    for line in lines:
        builder.do(line)
    assert builder.advance(minutes=1) == ["IDLE_LEAD alice 110"]


def test_becoming_collaborating_counts_from_zero() -> None:
    builder = call(*WITH_BOB, "alice offer bob")
    builder.advance(seconds=50)
    builder.do("bob accept")
    assert builder.advance(minutes=1) == ["IDLE_COLLABORATOR alice 110", "IDLE_LEAD bob 110"]


def test_no_idle_time_out_while_rebooting_but_on_the_return() -> None:
    builder = call(*WITH_BOB)
    builder.customer("down")
    assert builder.advance(minutes=5) == []
    builder.customer("attach")
    assert [type(event).__name__ for event in builder.events[-3:]] == ["LinkRestored", "IdleTimedOut", "IdleTimedOut"]
    assert builder.events[-1].at == builder.events[-3].at == builder.now
    assert [told["alice"].row for told in (builder.updates[-3], builder.updates[-1])] == [52, 9]
    assert [told["bob"].row for told in (builder.updates[-3], builder.updates[-2])] == [58, 47]


def test_who_was_in_focus_counts_from_the_beginning_of_the_reboot() -> None:
    builder = call()
    builder.focus("alice", True)
    builder.advance(minutes=10)
    builder.customer("down")
    builder.advance(seconds=59)
    builder.customer("attach")
    assert builder.sees == {"alice": "Active"}
    assert builder.advance(minutes=10) == [], "held again"
    builder.customer("down")
    builder.advance(minutes=1)
    builder.customer("attach")
    assert builder.sees == {"alice": "Timed Out"}


def test_an_entrys_idle_time_out_follows_its_technicians_group() -> None:
    builder = call("alice invite dave", "dave start")
    builder.set("group:Network", idle_timeout=3 * MINUTE)
    builder.set("group:Support", idle_timeout=5 * MINUTE)
    assert builder.advance(minutes=10) == ["IDLE_COLLABORATOR dave 180", "IDLE_LEAD alice 300"]


def test_a_session_by_pin_follows_its_creators_group_and_one_by_channel_the_channel() -> None:
    by_pin, by_channel = joined(), SessionBuilder(channel="Web")
    by_channel.customer("attach")
    for builder in (by_pin, by_channel):
        builder.set("group:Support", waiting_timeout=2 * MINUTE)
        builder.set("channel:Web", waiting_timeout=3 * MINUTE)
    assert by_pin.advance(minutes=5) == ["WAITING 120"]
    assert by_channel.advance(minutes=5) == ["WAITING 180"]


def test_a_changed_setting_applies_to_the_running_count() -> None:
    builder = call(idle_timeout=10 * MINUTE)
    builder.advance(minutes=2)
    builder.set("group:Support", idle_timeout=3 * MINUTE)
    assert builder.advance(minutes=5) == ["IDLE_LEAD alice 180"]


def test_for_the_same_instant_collaborators_go_by_name_before_the_lead() -> None:
    builder = call("alice invite carol", "carol start", *WITH_BOB)
    assert builder.advance(minutes=1) == [
        "IDLE_COLLABORATOR bob 60",
        "IDLE_COLLABORATOR carol 60",
        "IDLE_LEAD alice 60",
    ]


def test_for_the_same_instant_offline_comes_before_the_time_outs() -> None:
    builder = call(idle_timeout=5 * MINUTE)
    builder.link(Link.RECONNECTING)
    assert builder.advance(minutes=5) == ["OFFLINE 300", "IDLE_LEAD alice 300"]
    builder = joined(waiting_timeout=5 * MINUTE)
    builder.link(Link.RECONNECTING)
    assert builder.advance(minutes=5) == ["OFFLINE 300", "WAITING 300"]
