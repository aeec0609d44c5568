"""What was said in a session: its lines, from the events."""

from __future__ import annotations

from datetime import datetime, timedelta

from rescue_server.core import events
from rescue_server.core.session_log import SessionTranscript

CREATED = datetime.fromisoformat("2026-03-01T11:59:00+00:00")
COMPUTER = events.AppletComputer(address="192.0.2.7", language="nl", platform="Windows")


def log_of(*given: events.AnySessionEvent) -> SessionTranscript:
    return SessionTranscript.of(enumerate(given, 1))


def at(minute: int) -> datetime:
    return CREATED + timedelta(minutes=minute)


PIN = events.SessionCreated(
    session="1", at=CREATED, owner="group:Support", technician="alice", pin="012345", entries=("alice",)
)
REDEEMED = events.PinRedeemed(session="1", at=at(0), ticket_hash="h", customer="Ms Vos", computer=COMPUTER)
JOINED = events.AppletJoined(session="1", at=at(1))
STARTED = events.SessionStarted(session="1", at=at(1), technician="alice")


def test_a_life_with_a_lost_link_and_a_technician_who_ends_it() -> None:
    log = log_of(
        PIN,
        REDEEMED,
        JOINED,
        STARTED,
        events.ChatSent(session="1", at=at(1), technician="alice", text="Hello: how are you?"),
        events.ChatSent(session="1", at=at(2), text="fine"),
        events.LinkLost(session="1", at=at(3), period=timedelta(minutes=1)),
        events.LinkRestored(session="1", at=at(4)),
        events.NoteAdded(session="1", at=at(4), technician="alice", text="asked about the cable"),
        events.NoteAdded(session="1", at=at(4), technician="alice", text="bought a new one"),
        events.SessionEnded(session="1", at=at(72), technician="alice"),
    )
    assert log.chat() == (
        "11:59 AM Connecting to: Windows computer (192.0.2.7)\n"
        "12:00 PM Connected to: Windows computer (192.0.2.7)\n"
        "12:00 PM alice: Hello: how are you?\n"
        "12:01 PM Ms Vos: fine\n"
        "12:02 PM Disconnected (Applet)\n"
        "12:03 PM Connected to: Windows computer (192.0.2.7)\n"
        "1:11 PM The technician ended the session.\n"
    )
    assert log.chat(after=7) == log.chat()[log.chat().index("12:03") :], "what a post said already is left out"
    assert log.notes() == "asked about the cable\nbought a new one"
    assert log.participants == {"alice"}


def test_a_channel_session_of_a_nameless_customer_who_leaves() -> None:
    created = events.SessionCreated(
        session="1",
        at=CREATED,
        owner="channel:Web",
        channel="Web",
        ticket_hash="h",
        computer=COMPUTER,
        entries=("alice", "bob"),
    )
    said = events.ChatSent(session="1", at=at(1), text="anybody?")
    log = log_of(created, JOINED, said, events.AppletClosed(session="1", at=at(2)))
    assert log.chat().splitlines() == [
        "11:59 AM Connecting to: Windows computer (192.0.2.7)",
        "12:00 PM Connected to: Windows computer (192.0.2.7)",
        "12:00 PM Customer: anybody?",
        "12:01 PM The customer ended the session.",
    ]
    assert log.participants == {"alice", "bob"}


def test_a_time_out_disconnects_only_an_applet_that_is_connected() -> None:
    late = events.ConnectingTimedOut(session="1", at=at(5), period=timedelta(minutes=5))
    assert log_of(PIN, late).chat() == ""
    waited = events.WaitingTimedOut(session="1", at=at(5), period=timedelta(minutes=4))
    assert log_of(PIN, REDEEMED, JOINED, waited).chat().splitlines()[-1] == "12:04 PM Disconnected (Applet)"
