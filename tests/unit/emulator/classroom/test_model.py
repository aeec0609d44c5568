"""Who is in a class, what they are called, and what they get on paper."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rescue_emulator.classroom.handout import Handout
from rescue_emulator.classroom.model import BadClass, Classroom, for_terminals, organized, plan
from rescue_emulator.classroom.store import ClassStore
from rescue_emulator.exercises.progress import BadPerson

UNTIL = datetime(2026, 3, 4, 18, tzinfo=UTC)


def with_codes(classroom: Classroom) -> Classroom:
    members = (
        replace(member, code=f"CODE-{number:04d}", valid_until=UNTIL)
        for number, member in enumerate(classroom.members, 1)
    )
    return replace(classroom, members=tuple(members), secrets={"monday-1": "s3cret"})


def test_everybody_is_a_group_of_their_own_unless_they_work_together() -> None:
    alone = plan("monday", people=3)
    assert [(one.person, one.account, one.group) for one in alone.members] == [
        (f"monday-{number}", f"monday-{number}", f"monday-{number}") for number in (1, 2, 3)
    ]
    pairs = plan("monday", people=["Ann", "Ben", "Cy"], group_size=2)
    assert [(one.person, one.account, one.group) for one in pairs.members] == [
        ("Ann", "monday-1a", "monday-1"),
        ("Ben", "monday-1b", "monday-1"),
        ("Cy", "monday-2a", "monday-2"),
    ]
    assert plan("monday", people=12).members[0].account == "monday-01", "so that lists are in order"


def test_a_group_is_an_organization_that_shares_no_name_with_another() -> None:
    classroom = plan("monday", people=4, group_size=2)
    first, second = (organized(classroom, group) for group in classroom.groups)
    assert first.technicians["monday-1a"] == first.technicians["monday-1b"] == "Support-monday-1"
    assert first.channels == {"Web-monday-1": ("Support-monday-1", "Network-monday-1")}
    assert not first.technicians.keys() & second.technicians.keys()
    assert not set(first.groups) & set(second.groups)


@pytest.mark.parametrize(
    ("name", "people", "size", "why"),
    [
        ("Monday", 3, 1, "small letters"),
        ("../x", 3, 1, "small letters"),
        ("", 3, 1, "small letters"),
        ("monday", 0, 1, "1 to 100 people, not 0"),
        ("monday", 101, 1, "1 to 100 people, not 101"),
        ("monday", 4, 27, "1 to 26 people, not 27"),
        ("monday", 4, 0, "1 to 26 people, not 0"),
        ("monday", ["Ann", "Ann"], 1, "different names"),
    ],
)
def test_what_cannot_be_a_class_is_said(name: str, people: int | list[str], size: int, why: str) -> None:
    with pytest.raises(BadClass, match=why):
        plan(name, people=people, group_size=size)


@pytest.mark.parametrize(
    "web", ["foo", "10.0.0.5:8080", "ftp://10.0.0.5", "http://", "http://10.0.0.5:port", "http://[::"]
)
def test_what_is_no_address_of_pages_is_said(web: str) -> None:
    with pytest.raises(BadClass, match="is no address of pages, such as http"):
        plan("monday", people=2, web=web)


@pytest.mark.parametrize("web", ["http://0.0.0.0:8080", "https://[::]:8080/"])
def test_an_address_at_which_nobody_else_finds_the_pages_is_said(web: str) -> None:
    with pytest.raises(BadClass, match="write the address of this machine"):
        plan("monday", people=2, web=web)


@pytest.mark.parametrize(
    ("server", "web", "found"),
    [
        ("127.0.0.1:50051", "http://10.0.0.5:8080", "10.0.0.5:50051"),
        ("[::1]:50051", "http://class.example", "class.example:50051"),
        ("0.0.0.0:50051", "https://[fd00::5]:8080", "[fd00::5]:50051"),
        ("127.0.0.1:50051", "http://localhost:8080", "127.0.0.1:50051"),
        ("127.0.0.1:50051", "", "127.0.0.1:50051"),
        ("10.0.0.9:50051", "http://10.0.0.5:8080", "10.0.0.9:50051"),
        ("10.0.0.8:50051,10.0.0.9:50051", "http://10.0.0.5:8080", "10.0.0.8:50051,10.0.0.9:50051"),
    ],
)
def test_terminals_find_the_server_where_browsers_find_the_pages(server: str, web: str, found: str) -> None:
    assert for_terminals(server, web) == found


def test_a_person_has_a_name_that_a_file_can_have() -> None:
    with pytest.raises(BadPerson, match="is no name"):
        plan("monday", people=["../../etc"])


def test_a_class_is_kept_whole_and_private(tmp_path: Path) -> None:
    store, classroom = ClassStore(tmp_path / "state"), with_codes(plan("monday", people=2))
    with pytest.raises(BadClass, match="there are none"):
        store.read("monday")
    store.write(classroom)
    assert store.read("monday") == classroom
    assert store.names() == ("monday",)
    file = next((tmp_path / "state").rglob("class.json"))
    assert [file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777] == [0o600, 0o700]
    with pytest.raises(BadClass, match="there are monday"):
        store.read("../monday")
    file.write_text('{"name": 4')
    with pytest.raises(BadClass, match="cannot be read"):
        store.read("monday")


def test_secrets_and_codes_are_not_in_what_is_printed_by_mistake() -> None:
    shown = repr(with_codes(plan("monday", people=2)))
    assert "s3cret" not in shown
    assert "CODE-0001" not in shown


@pytest.mark.parametrize("language", ["en", "nl"])
def test_a_handout_has_a_cut_out_for_each_with_their_own_code(language: str) -> None:
    people = ["Ann", "Ben O'Neil", "Cy"]
    planned = plan("monday", people=people, group_size=2, server="10.0.0.5:50051", web="http://10.0.0.5:8080/")
    handout = Handout(with_codes(planned), language)
    page = handout.as_html()
    parts = page.split("<section>")[1:]
    assert [f"CODE-{number:04d}" in part for number, part in enumerate(parts, 1)] == [True] * 3
    assert all(part.count("CODE-") == 4 for part in parts), "the code, the link twice, the command; nobody else's"
    assert "http://10.0.0.5:8080/join/CODE-0001" in parts[0]
    assert "rescue class join CODE-0001 --server 10.0.0.5:50051" in parts[0]
    assert "Ben O&#x27;Neil" in page
    assert "s3cret" not in page
    text = handout.as_text()
    assert text.count("CODE-0002") == 3
    assert ("Deze" in text, "U werkt samen met Ben O'Neil." in text) == (False, language == "nl")
    without_pages = Handout(replace(planned, web=""), language).as_text()
    assert "/join/" not in without_pages
