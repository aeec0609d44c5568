"""Lines that are typed, files that are read: whatever stands in them is taken, or refused with one typed error."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from google.protobuf.message import DecodeError
from hypothesis import given, settings
from hypothesis import strategies as st

from rescue_applet.child_protocol import Failed, read_news
from rescue_applet.commands import BadCommand, parse_command
from rescue_applet.events import ChatLineReceived
from rescue_applet.output import json_line, plain_line
from rescue_applet.ticket_file import JoinRequest, SavedTicket, TicketFile
from rescue_common.durations import BadDuration, parse_duration
from rescue_common.processes.child import Program
from rescue_common.state_directory import Access, NoAccess
from rescue_common.terminal import safe
from rescue_console.commands import LONGEST_LINE, USAGE, BadLine, LineSplitter, parse
from rescue_server.core.organization import Organization
from rescue_server.core.organization_changes import apply_change
from rescue_server.startup.organization_file import BadOrganizationFile, read_organization

pytestmark = pytest.mark.no_cover  # counting lines would double the time of so many steps

fuzzed = settings.get_profile("fuzz")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
words = st.sampled_from([*USAGE, "1001", "bob", "technician:bob", "group:", "offer", "accept", "comment", '"', "on"])
lines = (
    st.binary(max_size=80)
    | st.text(max_size=60).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.lists(words | st.text(max_size=8), max_size=6).map(lambda w: " ".join(w).encode("utf-8", "surrogatepass"))
)


@fuzzed
@given(line=lines)
def test_a_line_of_the_console_is_a_command_or_a_bad_line(line: bytes) -> None:
    refusal = "so far none"
    try:
        parse(line)
    except BadLine as error:
        refusal = str(error)
    assert 0 < len(refusal) < 2000


@fuzzed
@given(data=st.binary(max_size=400), cuts=st.lists(st.integers(0, 400), max_size=6))
def test_lines_do_not_depend_on_how_they_come_in(data: bytes, cuts: list[int]) -> None:
    splitter, at = LineSplitter(), 0
    found: list[bytes] = []
    for cut in sorted(cuts):
        found += splitter.feed(data[at:cut])
        at = max(at, cut)
    found += [*splitter.feed(data[at:]), *splitter.finish()]
    whole = data.split(b"\n")
    assert found == (whole if whole[-1] else whole[:-1])


def test_a_line_without_an_end_takes_no_memory() -> None:
    splitter = LineSplitter()
    for _ in range(100):
        assert list(splitter.feed(b"x" * 65536)) == []
    assert sys.getsizeof(splitter._rest) < 3 * LONGEST_LINE
    (line,) = splitter.finish()
    with pytest.raises(BadLine, match="longer"):
        parse(line)


@fuzzed
@given(line=st.text(max_size=80) | st.lists(st.sampled_from(
    ["lan", "off", "on", "loss", "delay", "for", "flap", "30%", "200ms", "9" * 40, "reboot", "hold", "chat", "±", "x4"]
), max_size=6).map(" ".join))  # fmt: skip
def test_a_line_of_the_applet_is_a_command_or_a_bad_one(line: str) -> None:
    with contextlib.suppress(BadCommand):
        parse_command(line)


@fuzzed
@given(text=st.text(max_size=20) | st.from_regex(r"\A[0-9]{0,400}[smhd.]?[0-9]{0,30}[smhd]\Z"))
def test_a_duration_is_one_or_is_refused(text: str) -> None:
    with contextlib.suppress(BadDuration):
        assert parse_duration(text).total_seconds() >= 0


names = st.sampled_from(["alice", "Support", "Web", "admin", "", "a b", "x" * 65, "\x1b[0m", "groups", "terms"])
plain_values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | names | st.text(max_size=10)
tables = st.recursive(
    plain_values, lambda v: st.lists(v, max_size=3) | st.dictionaries(names, v, max_size=3), max_leaves=8
)
organizations = st.fixed_dictionaries(
    {},
    optional={
        "administrators": tables | st.lists(names, max_size=2),
        "groups": tables
        | st.dictionaries(
            names,
            st.fixed_dictionaries(
                {},
                optional={"technicians": tables | st.lists(names, max_size=2), "idle-timeout": tables, "terms": tables},
            ),
            max_size=2,
        ),
        "channels": tables | st.dictionaries(names, st.fixed_dictionaries({}, optional={"groups": tables}), max_size=2),
        "nonsense": tables,
    },
)


def as_toml(value: object) -> str:
    """A TOML value, inline."""
    match value:
        case None:
            return '""'
        case bool():
            return str(value).lower()
        case dict():
            return "{" + ", ".join(f"{json.dumps(str(k))} = {as_toml(v)}" for k, v in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(as_toml, value)) + "]"
        case str():
            return json.dumps(value).replace("\x7f", "\\u007f")
    return str(value)


def organization_from(path: Path) -> None:
    """What is accepted must also be an organization; otherwise there is one typed error, whose message fits a line."""
    refusal: BadOrganizationFile | None = None
    try:
        events = read_organization(path, NOW)
    except BadOrganizationFile as error:
        refusal = error
    if refusal is not None:
        assert path.name in str(refusal)
        return
    organization = Organization()
    for event in events:
        organization = apply_change(organization, event)
    assert organization.administrators
    assert organization.technicians


@fuzzed
@given(content=organizations)
def test_an_organization_file_of_any_shape(tmp_path: Path, content: dict[str, object]) -> None:
    path = tmp_path / "organization.toml"
    path.write_text("\n".join(f"{key} = {as_toml(value)}" for key, value in content.items()), "utf-8", "surrogatepass")
    organization_from(path)


@fuzzed
@given(content=st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode("utf-8", "surrogatepass")))
def test_an_organization_file_of_any_bytes(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "organization.toml"
    path.write_bytes(content)
    organization_from(path)


def test_files_that_are_too_deep(tmp_path: Path) -> None:
    """Found: their readers gave up with a RecursionError that nobody expected."""
    path = tmp_path / "organization.toml"
    path.write_text("administrators = " + "[" * 5000 + "]" * 5000)
    organization_from(path)
    (tmp_path / "access.json").write_text("[" * 100_000)
    with pytest.raises(NoAccess):
        Access.read(tmp_path)


kept_files = (
    st.binary(max_size=200)
    | st.recursive(
        plain_values, lambda v: st.lists(v, max_size=3) | st.dictionaries(names, v, max_size=3), max_leaves=8
    ).map(lambda value: json.dumps(value).encode())
    | st.fixed_dictionaries(
        {"join_request": st.fixed_dictionaries({"request_id": plain_values}, optional={"pin": plain_values})},
        optional={"session": plain_values, "ticket": plain_values, "outbox": tables, "chat_after": plain_values},
    ).map(lambda value: json.dumps(value).encode())
)


@fuzzed
@given(content=kept_files)
def test_a_ticket_file_is_one_or_is_refused(tmp_path: Path, content: bytes) -> None:
    from rescue_applet.applet_process import Applet

    path = tmp_path / "ticket.json"
    path.write_bytes(content)
    try:
        Applet(relay="127.0.0.1:1", file=TicketFile(path))
    except (msgspec.DecodeError, DecodeError):
        return
    assert TicketFile(path).read().join_request


@pytest.mark.parametrize(
    "content", [b"", b"\xff", b"{}", b'{"join_request": {"request_id": "r"}, "outbox": ["/////w=="]}']
)
async def test_an_applet_with_a_damaged_ticket_file_says_so_and_ends(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "ticket.json"
    path.write_bytes(content)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "rescue_applet.applet_process", "127.0.0.1:1", str(path),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stderr is not None
    said, complained = await asyncio.wait_for(asyncio.gather(process.stdout.read(), process.stderr.read()), 60)
    assert await process.wait() == 1
    last = read_news(said.splitlines()[-1])
    assert isinstance(last, Failed)
    assert last.reason == "TICKET_FILE_DAMAGED"
    assert b"Traceback" not in complained


def test_a_ticket_file_comes_back_as_it_was(tmp_path: Path) -> None:
    kept = SavedTicket(
        join_request=JoinRequest(request_id="r", customer="\x1b\u202e☃"), session="1", ticket="t", outbox=(b"\x00",)
    )
    file = TicketFile(tmp_path / "ticket.json")
    file.write(kept)
    assert file.read() == kept


@fuzzed
@given(content=st.binary(max_size=200) | tables.map(lambda value: json.dumps(value).encode()))
def test_an_access_file_is_one_or_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "access.json").write_bytes(content)
    with contextlib.suppress(NoAccess):
        assert isinstance(Access.read(tmp_path).server, str)


@fuzzed
@given(
    text=st.text(max_size=60) | st.sampled_from(["\x1b]0;title\x07", "\x9b2J", "\u202eevil", "a\rb", "\x7f", "\u2028"])
)
def test_nothing_that_is_shown_drives_a_terminal(text: str) -> None:
    for shown in (safe(text), plain_line(ChatLineReceived(sender=text, text=text))):
        assert not {unicodedata.category(char) for char in shown} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
    line = json_line(ChatLineReceived(sender=text, text=text))
    assert line.isascii()
    assert line.isprintable()


async def test_a_scripted_console_answers_every_line_that_is_no_blank(tmp_path: Path) -> None:
    """One process, fed with what was drawn above: as many answers as lines, in order, and it ends well."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("RESCUE_")}
    server = await Program.start("server", "rescue_server", "--data", str(tmp_path / "state"), "--json")
    try:
        await server.event("ready", timeout=60)
        typed = [b"\xff\xfe", b"start", b"start 1", b"transfer 1 \x00", b'chat 1001 "', b"pin \x1b[2J", b"queue now",
                 b"open 1 nothing", b"x" * (LONGEST_LINE + 5), "pin \u202e".encode(), b"lead 1 offer", b"focus maybe",
                 b"\x00", b"sync"]  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "rescue_console", "alice", "--json", "--data", str(tmp_path / "state"),
            env=environment, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await asyncio.wait_for(process.communicate(b"\n".join(typed) + b"\n"), 90)
        assert (process.returncode, err) == (0, b"")
        assert out.isascii()
        assert b"\x1b" not in out
        answers = [json.loads(line) for line in out.splitlines()]
        replies = [answer for answer in answers if "reply" in answer]
        assert [answer["reply"] for answer in replies] == list(range(1, len(typed) + 1))
        assert {answer.get("code") for answer in replies} <= {None, "INVALID_ARGUMENT", "NOT_FOUND"}
        assert replies[-1]["ok"]
        assert await server.stop() == 0
    finally:
        await server.kill()
