"""What can be typed, and what is said of what cannot."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rescue_client.records import Process, Target, TargetKind
from rescue_console.commands import (
    LONGEST_LINE,
    USAGE,
    BadLine,
    Chat,
    Focus,
    Involvement,
    LineSplitter,
    OnSession,
    Pin,
    Query,
    SessionAction,
    Transfer,
    UseProcess,
    WithTechnician,
    parse,
)

BOB = Target(kind=TargetKind.TECHNICIAN, name="bob")


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("pin", Pin()),
        ("pin  Jan de Vries ", Pin(customer="Jan de Vries")),
        ('pin "Jan"', Pin(customer='"Jan"')),
        ("queue", Query.QUEUE),
        ("sync\r", Query.SYNC),
        ("start s1", OnSession(action=SessionAction.START, session="s1")),
        ("  hold \t s1 ", OnSession(action=SessionAction.HOLD, session="s1")),
        ("end s1", OnSession(action=SessionAction.END, session="s1")),
        ("reboot s1", OnSession(action=SessionAction.REBOOT, session="s1")),
        ("lead s1 cancel", OnSession(action=SessionAction.CANCEL_LEAD, session="s1")),
        ("lead s1 accept", OnSession(action=SessionAction.ACCEPT_LEAD, session="s1")),
        (
            "lead s1 offer bob",
            WithTechnician(involvement=Involvement.OFFER_LEAD, session="s1", technician="bob"),
        ),
        ("invite s1 bob", WithTechnician(involvement=Involvement.INVITE, session="s1", technician="bob")),
        (
            'remove s1 "bob de bouwer"',
            WithTechnician(involvement=Involvement.REMOVE, session="s1", technician="bob de bouwer"),
        ),
        ("transfer s1 technician:bob", Transfer(session="s1", target=BOB)),
        (
            'transfer s1 technician:bob comment  he\'s "back"  soon ',
            Transfer(session="s1", target=BOB, comment='he\'s "back"  soon'),
        ),
        (
            'transfer s1 group:"Second Line" comment x',
            Transfer(session="s1", target=Target(kind=TargetKind.GROUP, name="Second Line"), comment="x"),
        ),
        (
            'transfer s1 "channel:Web shop"',
            Transfer(session="s1", target=Target(kind=TargetKind.CHANNEL, name="Web shop")),
        ),
        ("open s1 save-dialog", UseProcess(session="s1", process=Process.SAVE_DIALOG, opened=True)),
        ("close s1 calling-card", UseProcess(session="s1", process=Process.CALLING_CARD, opened=False)),
        ('chat s1   it\'s   "fine" \\n', Chat(session="s1", text='it\'s   "fine" \\n')),
        ("chat s1 größer 🙂", Chat(session="s1", text="größer 🙂")),
        ("focus on", Focus(on=True)),
        ("focus off", Focus(on=False)),
    ],
)
def test_a_line_becomes_a_command(line: str, command: object) -> None:
    assert parse(line.encode()) == command


@pytest.mark.parametrize("line", [b"", b"   ", b"\r", b"\t"])
def test_a_blank_line_is_nothing(line: bytes) -> None:
    assert parse(line) is None


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("frobnicate", "there is no command 'frobnicate'"),
        ("START s1", "there is no command 'START'"),
        ("start", "the session is missing"),
        ("start s1 s2", "'s2' is too much"),
        ("queue now", "'now' is too much"),
        ("transfer s1", "the target is missing"),
        ("transfer s1 bob", "the target is technician:NAME, group:NAME or channel:NAME, not 'bob'"),
        ("transfer s1 technician:", "the target is technician:NAME"),
        ("transfer s1 team:bob", "the target is technician:NAME"),
        ("transfer s1 technician:bob soon", "only `comment TEXT` can follow"),
        ("transfer s1 technician:bob comment", "the comment's text is missing"),
        ("invite s1", "the technician is missing"),
        ("remove s1 bob carol", "'carol' is too much"),
        ('invite s1 "bob', "a quote is not closed"),
        ('invite s1 ""', "the technician is empty"),
        ("lead s1", "the step is missing"),
        ("lead s1 give bob", "the step is one of offer, cancel, accept, not 'give'"),
        ("lead s1 offer", "the technician is missing"),
        ("lead s1 accept bob", "'bob' is too much"),
        ("focus", "the state is missing"),
        ("focus maybe", "the state is one of on, off"),
        ("open s1 fridge", "the process is one of remote-control, screen-sharing"),
        ("close s1", "the process is missing"),
        ("chat s1", "the text is missing"),
    ],
)
def test_a_line_that_is_no_command_says_what_is_wrong_and_how_it_is_written(line: str, problem: str) -> None:
    with pytest.raises(BadLine) as bad:
        parse(line.encode())
    assert problem in bad.value.problem
    assert bad.value.usage == USAGE.get(line.split()[0], "")


def test_what_is_not_utf_8_is_refused_with_the_place() -> None:
    with pytest.raises(BadLine, match=r"not UTF-8 \(byte 9\)"):
        parse(b"chat s1 \xff")


def test_a_line_may_be_as_long_as_the_limit_and_no_longer() -> None:
    longest = b"chat s1 ".ljust(LONGEST_LINE, b"x")
    assert isinstance(parse(longest), Chat)
    with pytest.raises(BadLine, match="longer than 65536 bytes"):
        parse(longest + b"x")


@given(st.binary(max_size=200))
def test_no_line_does_anything_but_parse_or_be_refused(line: bytes) -> None:
    with suppress(BadLine):
        parse(line)


@given(st.lists(st.binary(max_size=20)))
def test_lines_are_the_same_however_the_input_arrives(chunks: list[bytes]) -> None:
    whole = b"".join(chunks)
    splitter = LineSplitter()
    lines = [line for chunk in chunks for line in splitter.feed(chunk)]
    lines += splitter.finish()
    expected = whole.split(b"\n")
    assert lines == (expected if expected[-1] else expected[:-1])


def test_a_line_without_end_takes_no_more_memory_than_the_limit() -> None:
    splitter = LineSplitter()
    for _ in range(10):
        assert list(splitter.feed(b"x" * LONGEST_LINE)) == []
    too_long, following = splitter.feed(b"\nqueue\n")
    assert len(too_long) == LONGEST_LINE + 1
    assert following == b"queue"
