"""When a server that follows tries to lead."""

from __future__ import annotations

from rescue_server.cluster.election import SILENT, STARTING, STEP, Election


def follower(*, leader: str = "s1", now: float = 0.0) -> Election:
    election = Election("s2")
    election.saw(epoch=1, leader=leader, now=now)
    return election


def test_without_a_leader_it_tries_at_once() -> None:
    assert follower(leader="", now=5.0).due() == 5.0


def test_who_was_the_leader_before_its_restart_tries_at_once() -> None:
    assert follower(leader="s2", now=5.0).due() == 5.0


def test_a_new_leader_is_left_in_peace_while_it_starts() -> None:
    election = follower()
    election.lost(0.1)
    assert election.due() == STARTING


def test_an_open_port_counts_once() -> None:
    election = follower()
    election.reached(0.5)
    election.reached(1.5)
    assert election.due() == 0.5 + SILENT


def test_a_leader_whose_port_is_closed_is_replaced_at_once() -> None:
    election = follower()
    election.received(10.0)
    election.lost(10.1)
    election.lost(10.9)
    assert election.due() == 10.1


def test_a_silent_leader_is_replaced_after_a_while() -> None:
    election = follower()
    election.received(10.0)
    assert election.due() == 10.0 + SILENT
    election.received(11.0)
    assert election.due() == 11.0 + SILENT


def test_who_is_heard_again_is_not_lost() -> None:
    election = follower()
    election.received(1.0)
    election.lost(2.0)
    election.received(3.0)
    assert election.due() == 3.0 + SILENT


def test_they_try_by_rank() -> None:
    election = follower()
    election.received(10.0, rank=2)
    election.received(10.2)
    election.lost(10.5)
    assert election.due() == 10.5 + 2 * STEP


def test_what_was_known_of_a_leader_does_not_count_for_the_next() -> None:
    election = follower()
    election.received(1.0)
    election.lost(1.5)
    election.saw(epoch=2, leader="s3", now=2.0)
    assert election.due() == 2.0 + STARTING
    election.saw(epoch=2, leader="s3", now=2.5)
    assert election.due() == 2.0 + STARTING
    election.saw(epoch=2, leader="", now=3.0)
    assert election.due() == 3.0


def test_who_was_late_itself_listens_anew() -> None:
    election = follower()
    election.received(10.0)
    election.look(10.1)
    election.look(15.0)
    assert election.due() == 15.0 + SILENT
    election.look(15.3)
    assert election.due() == 15.0 + SILENT


def test_it_says_why_it_tries() -> None:
    election = follower()
    election.received(1.0)
    assert election.reason(3.0) == "s1 is silent for 2.0 s"
    election.lost(2.0)
    assert election.reason(3.0) == "the port of s1 is closed"
    assert follower(leader="").reason(0.0) == "nobody leads"
    assert follower(leader="s2").reason(0.0) == "it led before its restart"
