"""The labels of the consoles, in both languages."""

from __future__ import annotations

import ast
import inspect

import pytest

from rescue_client.records import Cause, Entry, Participant, Process, Status
from rescue_common.languages import LANGUAGES, catalog_of
from rescue_console import plain
from rescue_console.commands import LONGEST_LINE, USAGE, BadLine, Involvement, SessionAction, parse
from rescue_console.labels import Labels
from rescue_protos import status_table


def test_every_status_of_the_table_has_its_published_dutch_name() -> None:
    dutch = Labels.of("nl")
    for row in status_table.read_rows():
        assert dutch.status(row.start) == row.start_nl
        assert dutch.status(row.end) == row.end_nl
    assert dutch.status("Removed from TC queue") == "Verwijderd uit wachtrij van de technicus"
    assert dutch.status("Removed from TC queue (Timed Out)") == "Verwijderd uit wachtrij van TC (time-out opgetreden)"


def test_in_english_a_status_is_called_what_it_is_called() -> None:
    assert [Labels.of("en").status(status) for status in Status] == [status.value for status in Status]


def test_the_statuses_are_those_of_the_table() -> None:
    published = {name for row in status_table.read_rows() for name in (row.start, row.end)}
    assert {status.value for status in Status} == published | {Status.UNKNOWN}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_command_and_process_has_a_name(language: str) -> None:
    labels = Labels.of(language)
    for name in [*USAGE, *SessionAction, *Involvement, "help", "quit"]:
        assert labels.command(name) == catalog_of(language).find("command", name) != ""
    for process in Process:
        assert labels.process(process) == catalog_of(language).find("process", process) != ""


@pytest.mark.parametrize(
    ("customer", "signed"),
    [("Jan", "Jan"), ("", "klant"), ("Alice", "Alice (klant)")],
    ids=["named", "unnamed", "taken"],
)
def test_a_customers_lines_are_signed_by_their_name(customer: str, signed: str) -> None:
    alice = Participant(technician="alice", status=Status.ACTIVE, lead=True)
    entry = Entry(session="1", status=Status.ACTIVE, customer=customer, participants=(alice,))
    assert Labels.of("nl").customer(entry) == signed
    assert Labels.of("nl").customer(None) == "klant"


def test_the_buttons_are_called_as_in_the_articles() -> None:
    dutch = Labels.of("nl")
    assert [dutch.command(name) for name in ("start", "hold", "transfer", "end", "invite", "remove")] == [
        "Sessie starten",
        "Sessie onderbreken",
        "Sessie overdragen",
        "Sessie beëindigen",
        "Technicus uitnodigen",
        "Technicus verwijderen",
    ]
    assert dutch.command("lead accept") == "Status hoofdtechnicus accepteren"


def test_every_text_of_the_plain_console_is_in_the_catalogs() -> None:
    used = {
        first.value
        for call in ast.walk(ast.parse(inspect.getsource(plain)))
        if isinstance(call, ast.Call)
        for first in call.args[:1]
        if isinstance(first, ast.Constant)
        and (getattr(call.func, "attr", "") == "text" or getattr(call.func, "id", "") == "text")
    }
    assert len(used) > 10
    assert used <= set(catalog_of("nl").keys("text"))


def test_a_word_without_translation_is_shown_as_it_is() -> None:
    assert Labels.of("nl").command("teleport") == "teleport"


@pytest.mark.parametrize(
    ("code", "by", "about", "dutch"),
    [
        ("TechnicianInvited", "alice", "bob", "alice heeft bob uitgenodigd"),
        (
            "SessionTransferred",
            "alice",
            "group:Network",
            "alice heeft de sessie overgedragen aan technicusgroep Network",
        ),
        ("ProcessOpened", "bob", "remote-control", "bob heeft een proces geopend: Besturing op afstand"),
        ("TechnicianRemoved", "alice", "file-manager", "alice heeft file-manager verwijderd"),
        ("SessionCreated.customer", "", "Web", "een klant is binnengekomen via het kanaal Web"),
        ("RebootBegan.customer", "", "", "de klant start de computer opnieuw op"),
        ("LinkRestored", "", "", "de applet is er weer"),
    ],
)
def test_a_cause_is_a_dutch_sentence_made_from_its_facts(code: str, by: str, about: str, dutch: str) -> None:
    cause = Cause(text="the server's text", code=code, technician=by, about=about)
    assert Labels.of("nl").cause(cause, cause.text) == dutch


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", ["TechnicianInvited", "Teleported", ""])
def test_a_cause_that_lacks_facts_or_is_unknown_has_the_servers_text(code: str, language: str) -> None:
    cause = Cause(text="the server's text", code=code, technician="alice")
    assert Labels.of(language).cause(cause, cause.text) == "the server's text"


@pytest.mark.parametrize(
    ("line", "dutch"),
    [
        (b"hold", "de sessie ontbreekt"),
        (b'hold ""', "de sessie is leeg"),
        (b'hold "1', "een aanhalingsteken is niet gesloten"),
        (b"hold 1 2", "'2' is te veel; een naam met spaties staat tussen dubbele aanhalingstekens"),
        (b"focus maybe", "de stand is een van on, off, niet 'maybe'"),
        (b"transfer 1 bob", "het doel is technician:NAAM, group:NAAM of channel:NAAM, niet 'bob'"),
        (b"transfer 1 group:Network now", "na het doel kan alleen `comment TEKST` volgen, niet 'now'"),
        (b"transfer 1 group:Network comment", "de tekst van de opmerking ontbreekt"),
        (b"chat 1", "de tekst ontbreekt"),
        (b"x" * 100_000, f"de regel is langer dan {LONGEST_LINE} bytes"),
        (b"\xff", "de regel is geen UTF-8 (byte 1)"),
        (b"{word}", f"er is geen commando '{{word}}'; de commando's zijn {', '.join(USAGE)}"),
    ],
)
def test_a_badly_written_line_is_explained_in_dutch(line: bytes, dutch: str) -> None:
    with pytest.raises(BadLine) as raised:
        parse(line)
    assert Labels.of("nl").bad_line(raised.value) == dutch
    assert Labels.of("en").bad_line(raised.value) == raised.value.problem


def test_there_is_no_third_language() -> None:
    with pytest.raises(ValueError, match="only en, nl"):
        Labels.of("de")
