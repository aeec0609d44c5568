"""What comes first: the agenda and the leases keep it at hand, and agree with whoever looks through everything."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rescue_server.core.timers import DeadlineKind, SessionDeadline
from rescue_server.runtime.schedule.deadlines import DeadlineQueue
from rescue_server.runtime.schedule.leases import Lease, Leases

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LATER = NOON + timedelta(days=1)
SESSIONS = st.sampled_from(["1001", "1002", "1003"])
MOMENTS = st.integers(0, 20).map(lambda seconds: NOON + seconds * SECOND)


def deadline(session: str, kind: DeadlineKind, due: datetime) -> SessionDeadline:
    return SessionDeadline(due, kind, "", session, SECOND)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(st.tuples(SESSIONS, st.lists(st.tuples(st.sampled_from(DeadlineKind), MOMENTS), max_size=3))))
def test_the_agenda_knows_the_first_of_what_was_noted_last(
    notes: list[tuple[str, list[tuple[DeadlineKind, datetime]]]],
) -> None:
    agenda = DeadlineQueue()
    running: dict[str, list[SessionDeadline]] = {}
    for session, found in notes:
        running[session] = [deadline(session, kind, due) for kind, due in found]
        agenda.replace(session, running[session])
        assert agenda.first() == min((one for some in running.values() for one in some), default=None)


def test_at_one_instant_the_kinds_are_applied_in_their_order() -> None:
    agenda = DeadlineQueue()
    for kind in reversed(DeadlineKind):
        agenda.replace(kind.name, [deadline(kind.name, kind, NOON)])
    order = []
    while (first := agenda.first()) is not None:
        order.append(first.kind)
        agenda.replace(first.session, [])
    assert order == list(DeadlineKind)


def test_an_agenda_does_not_keep_what_is_out_of_date() -> None:
    agenda = DeadlineQueue()
    for second in range(10_000):
        agenda.replace("1001", [deadline("1001", DeadlineKind.OFFLINE, NOON + second * SECOND)])
    assert len(agenda._heap) < 100


STEPS = st.one_of(
    st.tuples(st.sampled_from(["start", "renew", "extend"]), SESSIONS, MOMENTS),
    st.tuples(st.sampled_from(["end", "probe"]), SESSIONS, st.none()),
    st.tuples(st.just("put back"), SESSIONS, st.none()),
    st.tuples(st.just("period"), SESSIONS, st.integers(1, 9).map(lambda seconds: seconds * SECOND)),
)


@settings(deadline=None)  # the machine may be busy
@given(st.lists(STEPS))
def test_the_leases_know_which_runs_out_first(steps: list[tuple[str, str, datetime | timedelta | None]]) -> None:
    periods = dict.fromkeys(["1001", "1002", "1003"], 5 * SECOND)
    leases = Leases(lambda session: periods[session])
    renewed: dict[str, datetime] = {}
    ended: dict[str, Lease] = {}
    for what, session, value in steps:
        match what, value:
            case "start", datetime():
                leases.start(session, value)
                renewed[session] = value
            case "renew" | "extend", datetime():
                leases.renew(session, value) if what == "renew" else leases.extend(session, value)
                if session in renewed:
                    renewed[session] = max(renewed[session], value)
            case "end", _:
                lease = leases.end(session)
                assert (lease is None) is (renewed.pop(session, None) is None)
                if lease is not None:
                    ended[session] = lease
            case "probe", _:
                leases.probe(session, 1.0)
            case "put back", _ if session in ended and session not in renewed:
                leases.put_back(session, ended[session])
                renewed[session] = ended[session].renewed_at
            case "period", timedelta():
                periods[session] = value
                leases.refresh(session)
        dues = {name: at + periods[name] for name, at in renewed.items()}
        assert {name: leases.due(name) for name in leases} == dues
        first = leases.first(LATER)
        assert (first is None) is (not dues)
        assert first is None or (first[0] == min(dues.values()) and dues[first[1]] == first[0])
        assert leases.within(NOON + 12 * SECOND) == sorted(
            (name for name, due in dues.items() if due <= NOON + 12 * SECOND), key=lambda name: (dues[name], name)
        )


def test_a_sign_of_life_takes_a_judgement_back() -> None:
    leases = Leases(lambda session: SECOND)
    leases.start("1001", NOON)
    leases.confirm_expired(["1001", "1002"])
    assert leases.is_confirmed_expired("1001")
    assert not leases.is_confirmed_expired("1002"), "it has no lease"
    leases.renew("1001", NOON)
    assert not leases.is_confirmed_expired("1001")


def test_a_lease_with_an_open_probe_does_not_hide_the_next_one_to_probe() -> None:
    leases = Leases(lambda session: SECOND)
    leases.start("1001", NOON)
    leases.start("1002", NOON + SECOND)
    assert leases.probe("1001", 7.5)
    assert not leases.probe("1001", 9.0), "one is open"
    assert leases.probed_at("1001") == 7.5
    assert leases.first_unprobed(LATER) == (NOON + 2 * SECOND, "1002")
    assert leases.first(LATER) == (NOON + SECOND, "1001"), "it runs out all the same"
    leases.renew("1001", NOON)
    assert leases.probed_at("1001") is None
    assert leases.first_unprobed(LATER) == (NOON + SECOND, "1001")


def test_leases_that_are_probed_and_renewed_for_ever_leave_nothing_behind() -> None:
    leases = Leases(lambda session: SECOND)
    leases.start("1001", NOON)
    for second in range(1000):
        leases.probe("1001", float(second))
        leases.renew("1001", NOON + second * SECOND)
        assert leases.within(NOON + second * SECOND) == []
    assert sum(len(order._heap) for order in (leases._unprobed, leases._probed)) < 10


@pytest.mark.parametrize("many", [1_000, 10_000])
def test_who_runs_out_first_is_found_without_looking_at_all(many: int) -> None:
    """An advance asks at each of its steps: looking at every lease each time would be quadratic."""
    looked = 0

    def period(session: str) -> timedelta:
        nonlocal looked
        looked += 1
        return SECOND

    leases = Leases(period)
    for number in range(many):
        leases.start(str(number), NOON + number * SECOND)
    looked = 0
    for step in range(1, 101):
        assert leases.within(NOON + step * SECOND) == [str(step - 1)]
        leases.end(str(step - 1))
    assert looked <= 1000


def test_after_all_have_renewed_nobody_has_to_be_looked_at_before_it_is_due() -> None:
    looked = 0

    def period(session: str) -> timedelta:
        nonlocal looked
        looked += 1
        return 60 * SECOND

    leases = Leases(period)
    for number in range(1000):
        leases.start(str(number), NOON + number * SECOND / 100)
    for number in range(1000):
        leases.renew(str(number), NOON + 30 * SECOND)
    looked = 0
    first = leases.first(NOON + 40 * SECOND)
    assert first is not None
    assert NOON + 40 * SECOND < first[0] <= NOON + 90 * SECOND, "not too late"
    assert looked == 1
    assert leases.within(NOON + 65 * SECOND) == []
    assert looked < 2000, "those whose time would have come, once each"
    assert leases.first(NOON + 90 * SECOND) == (NOON + 90 * SECOND, "0")
