"""What a Technician makes of a console's lines. The console here is a script of lines, in a process of its own."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rescue_emulator.testing import (
    CommandRefused,
    CreatedSession,
    Entry,
    NotSeen,
    Participant,
    Process,
    Program,
    ProgramEnded,
    Status,
    StatusUpdate,
    Technician,
)

# For each line that it is given it prints the next list of lines.
PLAYER = """
import json, sys
script = json.loads(sys.argv[1])
for answers in script:
    if not sys.stdin.readline():
        break
    for answer in answers:
        print(json.dumps(answer), flush=True)
"""
Play = Callable[..., Awaitable[Technician]]


@pytest.fixture
async def play(tmp_path: Path) -> AsyncIterator[Play]:
    (tmp_path / "player.py").write_text(PLAYER, encoding="utf-8")
    started: list[Program] = []

    async def report() -> str:
        return "what everybody saw"

    async def start(*script: list[dict[str, object]]) -> Technician:
        environment = {"PYTHONPATH": str(tmp_path)}
        program = await Program.start("console alice", "player", json.dumps(script), environment=environment)
        started.append(program)
        return Technician("alice", program, report=report)

    yield start
    for program in started:
        await program.stop()


def entry(status: str, previous: str | None, row: int | None, revision: int, **more: object) -> dict[str, object]:
    return {
        "event": "entry",
        "session": "s1",
        "status": status,
        "previous": previous,
        "row": row,
        "cause": "because",
        "label": f"<{status}>",
        "revision": revision,
        "at": "2026-01-05T09:00:00Z",
        **more,
    }


OK = {"ok": True}


async def test_replies_find_their_commands_and_updates_their_session(play: Play) -> None:
    alice = await play(
        [
            {"reply": 1, **OK, "session": "s1", "pin": "123456", "valid_for": 1200, "revision": 4},
            entry("Connecting", None, None, 4),
        ],
        [entry("Waiting", "Connecting", 1, 5), {"reply": 2, **OK}],
    )
    created = await alice.pin("Customer")
    assert tuple(created) == ("s1", "123456")
    assert created == CreatedSession(session="s1", pin="123456", valid_for=timedelta(minutes=20), revision=4)
    await alice.sync()
    assert alice.status("s1") == "Waiting"
    assert alice.history("s1") == [
        StatusUpdate(
            status=Status.CONNECTING,
            previous=None,
            row=None,
            cause="because",
            label="<Connecting>",
            revision=4,
            at=datetime(2026, 1, 5, 9, tzinfo=UTC),
        ),
        StatusUpdate(
            status=Status.WAITING,
            previous=Status.CONNECTING,
            row=1,
            cause="because",
            label="<Waiting>",
            revision=5,
            at=datetime(2026, 1, 5, 9, tzinfo=UTC),
        ),
    ]
    assert alice.status("s2") is None
    assert alice.history("s2") == []


async def test_a_snapshot_is_shown_but_is_no_change(play: Play) -> None:
    alice = await play([entry("Active", None, None, 4, snapshot=True), {"reply": 1, **OK}])
    await alice.sync()
    assert alice.status("s1") == "Active"
    assert alice.history("s1") == []


async def test_a_refused_command_raises_with_all_that_the_console_said(play: Play) -> None:
    refusal = {"ok": False, "code": "FAILED_PRECONDITION", "message": "is Waiting", "possible": ["start", "end"]}
    alice = await play([{"reply": 1, **refusal}])
    with pytest.raises(CommandRefused, match="alice: hold s1: FAILED_PRECONDITION: is Waiting") as refused:
        await alice.command("hold", "s1")
    assert (refused.value.code, refused.value.possible) == ("FAILED_PRECONDITION", ("start", "end"))


async def test_the_last_status_counts_not_one_that_passed_by(play: Play) -> None:
    alice = await play(
        [entry("Rebooting", "Active", 22, 1), entry("Active", "Rebooting", 23, 2), {"reply": 1, **OK}], []
    )
    await alice.sync()
    await alice.sees("s1", "Active", timeout=1)
    with pytest.raises(NotSeen) as unseen:
        await alice.sees("s1", "Rebooting", timeout=0.1)
    assert isinstance(unseen.value, TimeoutError)
    assert isinstance(unseen.value, AssertionError)
    said = str(unseen.value).splitlines()
    assert said[0] == "alice saw 'Active' of session s1, not 'Rebooting', within 0.1 s"
    assert said[1].startswith("Active becomes Rebooting when this happens (row 11): A technician ordered a reboot")
    assert said[2:] == ["what everybody saw"]


async def test_what_is_no_status_is_not_waited_for(play: Play) -> None:
    alice = await play([])
    with pytest.raises(ValueError, match=r"^'Conecting' is no status \(possible: Connecting, Waiting, "):
        await alice.sees("s1", "Conecting", timeout=60)


async def test_the_view_tells_what_the_queue_shows(play: Play) -> None:
    alice = await play([entry("Waiting", "Connecting", 1, 5), {"reply": 1, **OK}])
    await alice.sync()
    assert alice.view() == "alice's queue: s1 Waiting"


async def test_a_console_that_went_away_is_not_waited_for(play: Play) -> None:
    alice = await play()
    await alice.program.ended()
    with pytest.raises(ProgramEnded):
        await alice.sees("s1", "Waiting", timeout=60)


async def test_the_queue_is_entries(play: Play) -> None:
    line = {
        "session": "s1",
        "status": "On Hold",
        "label": "In wacht",
        "customer": "Ms Vos",
        "channel": "",
        "pin": "123456",
        "lead": "alice",
        "participants": [{"technician": "alice", "status": "On Hold", "lead": True}],
        "introduced_by": "",
        "possible": ["start", "end"],
        "processes": ["file-manager"],
        "comment": "",
        "lead_offered_to": "",
        "created_at": "2026-01-05T09:00:00.000000Z",
        "since": "2026-01-05T09:00:30.000000Z",
        "joined_at": None,
        "due_at": None,
        "due_by": "",
    }
    alice = await play([{"reply": 1, **OK, "entries": [line], "revision": 4}])
    (found,) = await alice.queue()
    assert found == Entry(
        session="s1",
        status=Status.ON_HOLD,
        customer="Ms Vos",
        pin="123456",
        created_at=datetime(2026, 1, 5, 9, tzinfo=UTC),
        since=datetime(2026, 1, 5, 9, 0, 30, tzinfo=UTC),
        participants=(Participant(technician="alice", status=Status.ON_HOLD, lead=True),),
        processes=(Process.FILE_MANAGER,),
        allowed=("start", "end"),
    )
    assert found.lead == "alice"


async def test_a_status_is_named_by_the_enum_or_its_label(play: Play) -> None:
    alice = await play([entry("On Hold", "Active", 12, 5), {"reply": 1, **OK}])
    await alice.sync()
    await alice.sees("s1", Status.ON_HOLD, timeout=1)
    await alice.sees("s1", "On Hold", timeout=1)
    assert alice.status("s1") is Status.ON_HOLD
