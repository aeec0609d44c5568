"""When a server that follows reports to the leader."""

from __future__ import annotations

import pytest

from rescue_server.cluster.reports import Reports
from rescue_server.cluster.roster import Busy, Roster
from rescue_server.cluster.standing import MemberStanding
from rescue_server.replicated.place import Place


class Edge:
    """A server that follows, and what it reports at a time in real seconds."""

    def __init__(self) -> None:
        self.place = Place(position=2, epoch=1, leader="s1", address="h:1")
        self.busy = Busy()
        standing = MemberStanding("s2", "h:2", Roster("s2"), lambda: self.place)
        standing.busy = lambda: self.busy
        self.reports = Reports(standing)

    def reports_at(self, now: float) -> bool:
        return self.reports.due(now) is not None


@pytest.fixture
def edge() -> Edge:
    edge = Edge()
    assert edge.reports_at(100.0), "a link begins with a report"
    return edge


def test_without_anything_new_a_report_a_second_is_enough(edge: Edge) -> None:
    assert [edge.reports_at(100 + at) for at in (0.3, 0.6, 0.9, 1.2, 1.5)] == [False, False, False, True, False]


def test_what_has_changed_is_reported_at_once(edge: Edge) -> None:
    edge.place = Place(position=3, epoch=1, leader="s1", address="h:1")
    assert edge.reports_at(100.01)
    edge.busy = Busy(consoles=1)
    assert edge.reports_at(100.02)
    assert not edge.reports_at(100.03)


def test_with_applets_there_are_signs_of_life_all_the_time(edge: Edge) -> None:
    edge.busy = Busy(applets=1)
    assert [edge.reports_at(100 + at) for at in (0.3, 0.6, 0.9)] == [True, True, True]


def test_whatever_else_is_sent_is_a_sign_of_life(edge: Edge) -> None:
    edge.busy = Busy(applets=1)
    assert edge.reports_at(100.0)
    found = []
    for quarter in range(1, 6):
        edge.reports.sent(100 + quarter / 4)
        found.append(edge.reports_at(100 + quarter / 4))
    assert found == [False, False, False, True, False], "how far it has come is said all the same"
