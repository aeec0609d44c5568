"""The scripted console as a process: what its lines look like, and that it answers whatever it is given."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
from datetime import UTC, datetime, timedelta

from rescue_console.headless import ScriptedConsole
from rescue_console.labels import Labels
from rescue_protos.v1 import common_pb2, console_pb2
from tests.contract.console.console_process import ClientOf, StartConsole
from tests.fakes.console_peer import Peer, lead_offer

SINCE = datetime(2026, 1, 1, 9, tzinfo=UTC)


async def test_the_queue_is_printed_first_and_changes_follow(peer: Peer, console: StartConsole) -> None:
    peer.change("s1", "TIMED_OUT", "ACTIVE", 9, customer="Jan", since=SINCE)
    alice = await console("--lang", "nl")
    await alice.event("snapshot-end", revision=1)
    peer.change("s1", "REMOVED", "TIMED_OUT", 62)
    removed = await alice.event("entry")

    listed, end = alice.seen[:2]
    assert listed == {
        "event": "entry",
        "snapshot": True,
        "session": "s1",
        "status": "Timed Out",
        "previous": None,
        "row": None,
        "cause": "in the queue when it was listed",
        "label": "Time-out opgetreden",
        "customer": "Jan",
        "possible": [],
        "revision": 1,
        "at": "2026-01-01T09:00:00.000000Z",
    }
    assert end == {"event": "snapshot-end", "revision": 1, "compacted": False}
    assert removed == {
        "event": "entry",
        "session": "s1",
        "status": "Removed from TC queue",
        "previous": "Timed Out",
        "row": 62,
        "cause": "a test said so",
        "label": "Verwijderd uit wachtrij van de technicus",
        "customer": "Jan",
        "possible": [],
        "revision": 2,
        "at": "2026-01-01T00:00:02.000000Z",
    }


async def test_a_new_entry_has_no_previous_status_and_no_row(peer: Peer, console: StartConsole) -> None:
    alice = await console()
    await alice.event("snapshot-end")
    peer.change("s1", "CONNECTING")
    entry = await alice.event("entry")
    assert (entry["status"], entry["previous"], entry["row"]) == ("Connecting", None, None)
    assert "snapshot" not in entry


async def test_chat_alarm_lead_offer_and_details_are_events(peer: Peer, console: StartConsole) -> None:
    peer.change("s1", "COLLABORATING")
    alice = await console()
    await alice.event("snapshot-end")
    peer.tell(chat=console_pb2.SessionChat(session="s1", line=common_pb2.ChatLine(text='a "quote"')))
    line = common_pb2.ChatLine(text="hi", **{"from": "bob"})
    peer.tell(chat=console_pb2.SessionChat(session="s1", line=line))
    alarm = console_pb2.IdleAlarm(session="s1")
    alarm.due_at.FromDatetime(SINCE)
    peer.tell(alarm=alarm)
    peer.tell(lead_offer=lead_offer("s1", "bob"))
    peer.detail("s1", lead_offered_to="alice", allowed=["lead accept"])
    peer.detail("s1", customer="nothing that scripts are told")
    peer.detail("s1", processes=[common_pb2.PROCESS_REMOTE_CONTROL], comment="look")
    await alice.event("details", comment="look")

    events = [{k: v for k, v in line.items() if k not in ("at", "cause")} for line in alice.seen[2:]]
    chat = {"event": "chat", "session": "s1"}
    assert events == [
        chat | {"from": "customer", "role": "customer", "text": 'a "quote"', "revision": 2},
        chat | {"from": "bob", "role": "technician", "text": "hi", "revision": 3},
        {"event": "alarm", "session": "s1", "due_at": "2026-01-01T09:00:00.000000Z", "revision": 4},
        {"event": "lead-offer", "session": "s1", "from": "bob", "revision": 5},
        {
            "event": "details",
            "session": "s1",
            "possible": ["lead accept"],
            "processes": [],
            "comment": "",
            "lead_offered_to": "alice",
            "revision": 6,
        },
        {
            "event": "details",
            "session": "s1",
            "possible": ["lead accept"],
            "processes": ["remote-control"],
            "comment": "look",
            "lead_offered_to": "alice",
            "revision": 8,
        },
    ]


async def test_every_line_is_answered_in_order_also_the_malformed_ones(peer: Peer, console: StartConsole) -> None:
    alice = await console()
    await alice.type(
        "pin Jan de Vries",
        "frobnicate",
        "",
        b"chat s1 \xff\xfe",
        b"chat s1 " + b"x" * 70_000,
        "hold s1",
        "transfer s1 bob",
        '  transfer s1 technician:bob comment it\'s "him" \r',
        'chat s1  it\'s "fine"  ',
        "queue",
        "start s1",
    )
    status, lines, stderr = await alice.end()

    replies = [line for line in lines if "reply" in line]
    assert (status, stderr) == (0, "")
    assert [reply["reply"] for reply in replies] == list(range(1, 12))
    assert [reply["ok"] for reply in replies] == [True] + [False] * 6 + [True] * 4
    pin, unknown, blank, not_utf8, too_long, hold, bad_target, transfer, _chat, queue, start = replies
    assert (pin["session"], pin["pin"], pin["valid_for"]) == ("s1", "123456", 1200)
    assert {reply["code"] for reply in (unknown, blank, not_utf8, too_long, bad_target)} == {"INVALID_ARGUMENT"}
    assert "frobnicate" in unknown["message"]
    assert "UTF-8" in not_utf8["message"]
    assert "65536" in too_long["message"]
    assert bad_target["usage"].startswith("transfer SESSION technician:NAME")
    assert hold["code"] == "FAILED_PRECONDITION"
    assert hold["reason"] == "NOT_IN_THIS_STATUS"
    assert hold["possible"] == ["start", "end"]
    assert "Waiting" in hold["message"]
    assert transfer["incoming"] == ["bob"]
    assert [(e["session"], e["status"], e["customer"], e["pin"]) for e in queue["entries"]] == [
        ("s1", "Connecting", "Jan de Vries", "123456")
    ]
    assert start["revision"] == 1
    assert peer.named("TransferSession")[0].comment == 'it\'s "him"'
    assert peer.named("SendChat")[0].text == 'it\'s "fine"'


async def test_the_last_line_needs_no_line_break_and_no_input_at_all_is_fine(peer: Peer, console: StartConsole) -> None:
    alice = await console()
    assert alice.process.stdin is not None
    alice.process.stdin.write(b"queue")
    status, lines, _ = await alice.end()
    assert status == 0
    assert [line.get("event", line.get("reply")) for line in lines] == ["snapshot-end", 1]

    silent = await console()
    status, lines, _ = await silent.end()
    assert (status, [line["event"] for line in lines]) == (0, ["snapshot-end"])


async def test_sync_is_answered_after_every_update_up_to_now(peer: Peer, console: StartConsole) -> None:
    alice = await console()
    await alice.event("snapshot-end")
    for number in range(200):
        peer.change(f"s{number}", "WAITING")
    await alice.type("sync")
    reply = await alice.reply(1)
    assert (reply["ok"], reply["revision"]) == (True, 200)
    assert [line["revision"] for line in alice.seen if line.get("event") == "entry"] == list(range(1, 201))


async def test_focus_is_on_at_the_start_and_can_be_changed(peer: Peer, console: StartConsole) -> None:
    alice = await console()
    await alice.event("snapshot-end")
    assert peer.watches[0].in_focus
    await alice.type("focus off", "focus on")
    await alice.reply(2)
    assert [told.in_focus for told in peer.named("SetFocus")] == [False, True]


async def test_a_restart_of_the_server_is_shown_and_loses_and_repeats_nothing(
    peer: Peer, console: StartConsole
) -> None:
    peer.repeats = 2
    alice = await console()
    await alice.event("snapshot-end")
    peer.change("s1", "WAITING")
    await alice.event("entry", revision=1)
    await peer.crash()
    await alice.event("server", state="lost")
    await alice.type("start s1", "sync")
    peer.change("s1", "ACTIVE", "WAITING", 3)
    await peer.boot()
    await alice.event("server", state="back")
    assert (await alice.reply(1))["ok"]
    assert (await alice.reply(2))["ok"]
    assert [line["revision"] for line in alice.seen if line.get("event") == "entry"] == [1, 2]
    assert not any(line.get("snapshot") for line in alice.seen)


async def test_a_console_started_before_its_server_is_up_waits_for_it(peer: Peer, console: StartConsole) -> None:
    await peer.crash()
    alice = await console()
    await alice.type("queue")
    await asyncio.sleep(0.7)  # so that it has met nobody; were it quicker than that, the test would only be easier
    await peer.boot()
    assert (await alice.reply(1))["ok"]


async def test_commands_given_together_without_a_server_fail_together(peer: Peer, client_of: ClientOf) -> None:
    reading, writing = os.pipe()
    output = io.StringIO()
    async with client_of(timeout=timedelta(seconds=1.5)) as client:
        headless = ScriptedConsole(client, labels=Labels.of("en"), input_descriptor=reading, output=output)
        running = asyncio.create_task(headless.run())
        await client.sign_in()
        await client.wait_for_queue()
        await peer.crash()
        begun = asyncio.get_running_loop().time()
        os.write(writing, b"start s1\nhold s1\nsync\nfocus off\n")
        os.close(writing)
        await asyncio.wait_for(running, 10)
        assert asyncio.get_running_loop().time() - begun < 2 * 1.5
    os.close(reading)
    replies = [line for line in map(json.loads, output.getvalue().splitlines()) if "reply" in line]
    assert [(reply["ok"], reply["code"]) for reply in replies] == [(False, "UNAVAILABLE")] * 4


async def test_who_cannot_sign_in_gets_one_clear_line_and_status_1(peer: Peer, console: StartConsole) -> None:
    wrong = await console(RESCUE_SECRET="nonsense")
    status, lines, stderr = await wrong.end()
    assert status == 1
    assert lines == [{"event": "error", "code": "UNAUTHENTICATED", "message": "user alice or secret is wrong"}]
    assert stderr == "rescue console: user alice or secret is wrong\n"

    stranger = await console(technician="mallory")
    status, lines, stderr = await stranger.end()
    assert status == 1
    assert lines[0]["event"] == "error"
    assert "mallory" in stderr
    assert stderr.count("\n") == 1


async def test_without_a_server_known_it_says_what_to_do(peer: Peer, console: StartConsole) -> None:
    (peer.data / "access.json").unlink()
    alone = await console()
    status, lines, stderr = await alone.end()
    assert (status, lines[0]["code"]) == (1, "UNAVAILABLE")
    assert "rescue server" in stderr
    assert stderr.count("\n") == 1


async def test_signals_end_it_quietly(peer: Peer, console: StartConsole) -> None:
    for told, status in ((signal.SIGTERM, 0), (signal.SIGINT, 130)):
        alice = await console()
        await alice.event("snapshot-end")
        alice.process.send_signal(told)
        out, err = await asyncio.wait_for(alice.process.communicate(), 10)
        assert (alice.process.returncode, out, err) == (status, b"", b"")


async def test_when_nobody_reads_the_output_it_ends_quietly(peer: Peer, console: StartConsole) -> None:
    alice = await console()
    await alice.event("snapshot-end")
    assert alice.process.stderr is not None
    alice.process.stdout._transport.close()  # type: ignore[union-attr]
    peer.change("s1", "WAITING")
    err = await asyncio.wait_for(alice.process.stderr.read(), 10)
    assert (await asyncio.wait_for(alice.process.wait(), 10), err) == (0, b"")
