"""The timeline of a session: lanes, the customer's link, and why."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from rescue_console.timeline import Change, TimelineEntry
from rescue_console.timeline_svg import course_of, timeline_svg
from rescue_protos.status_table import REMOVED

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"


def happened(revision: int, seconds: float, event: str, *changes: Change, cause: str = "") -> TimelineEntry:
    at = NOON + timedelta(seconds=seconds)
    return TimelineEntry(revision=revision, at=at, event=event, cause=cause or f"because of {event}", changes=changes)


def alice(status: str, previous: str | None = None, row: int | None = None) -> Change:
    return Change(technician="alice", status=status, previous=previous, row=row)


CALL = (
    happened(1, 0, "SessionCreated", alice("Connecting")),
    happened(4, 9, "AppletJoined", alice("Waiting", "Connecting", 1)),
    happened(5, 9, "SessionStarted", alice("Active", "Waiting", 3), cause="alice clicked <Start> & went on"),
    happened(6, 20, "TechnicianInvited", Change(technician="bob", status="Invitation")),
    happened(7, 30, "ChatSent"),
    happened(8, 90, "LinkLost", alice("Reconnecting", "Active", 12)),
    happened(9, 390, "LinkOffline", alice("Offline", "Reconnecting", 28)),
    happened(10, 400, "LinkRestored", alice("Active", "Offline", 29)),
    happened(11, 500, "SessionEnded", alice(REMOVED, "Active", 10), Change(technician="bob", status=REMOVED)),
)


def told(course_lanes: object) -> dict[str, list[str]]:
    return {lane.name: [one.name for one in lane.stretches] for lane in course_lanes}  # type: ignore[attr-defined]


def test_each_technician_has_a_lane_and_the_link_is_below() -> None:
    course = course_of(CALL)
    assert told(course.lanes) == {
        "alice": ["Connecting", "Waiting", "Active", "Reconnecting", "Offline", "Active"],
        "bob": ["Invitation"],
        "customer's link": ["awaiting", "connected", "reconnecting", "offline", "connected"],
    }
    assert list(told(course.lanes))[-1] == "customer's link"
    assert len(course.moments) == len(CALL) - 1  # a chat line moves nothing
    assert all(stretch.until is not None for lane in course.lanes for stretch in lane.stretches)


def test_the_order_of_what_is_given_does_not_matter() -> None:
    assert timeline_svg(reversed(CALL)) == timeline_svg(CALL)


def test_the_link_can_be_told_from_what_queues_showed() -> None:
    nameless = [
        TimelineEntry(revision=one.revision, at=one.at, cause=one.cause, changes=one.changes)
        for one in CALL
        if one.changes
    ]
    link = told(course_of(nameless).lanes)["customer's link"]
    assert link == ["awaiting", "connected", "reconnecting", "offline", "connected"]


def test_a_status_says_when_and_why_when_pointed_at() -> None:
    root = ElementTree.fromstring(timeline_svg(CALL, session="1001"))
    titles = [element.text for element in root.iter(f"{SVG}title")]
    assert "Active, from 0:00:09 to 0:01:30: alice clicked <Start> & went on (row 3)" in titles
    assert f"{REMOVED}: because of SessionEnded (row 10)" in titles
    assert root.get("role") == "img"
    assert "alice: Connecting, Waiting, Active" in str(root.get("aria-label"))


@pytest.mark.parametrize("lang", ["en", "nl"])
def test_no_label_is_cut_off_and_lanes_do_not_overlap(lang: str) -> None:
    root = ElementTree.fromstring(timeline_svg(CALL, lang=lang))
    boxes = [(g.find(f"{SVG}rect"), g.find(f"{SVG}text")) for g in root.iter(f"{SVG}g")]
    drawn = [(box, text) for box, text in boxes if box is not None and text is not None]
    assert len(drawn) == 12
    ends: dict[str, float] = {}
    for box, text in drawn:
        x, y, width = float(box.attrib["x"]), box.attrib["y"], float(box.attrib["width"])
        assert width >= 6 * len(str(text.text))
        assert x >= ends.get(y, 0)
        ends[y] = x + width
        assert x + width <= float(root.attrib["width"])


def test_labels_are_in_the_language_that_was_asked_for() -> None:
    drawn = timeline_svg(CALL, session="7", lang="nl")
    for word in ("Tijdlijn van sessie 7", "Bezig met verbinden", "Actief", "verbinding klant", "rij 12"):
        assert word in drawn
    with pytest.raises(ValueError, match="no language"):
        timeline_svg(CALL, lang="fr")


def test_nothing_at_all_is_a_picture_too() -> None:
    ElementTree.fromstring(timeline_svg(()))


def test_a_picture_needs_nothing_but_itself() -> None:
    drawn = timeline_svg(CALL)
    for foreign in ("<style", "style=", "<script", "href", "url("):
        assert foreign not in drawn
