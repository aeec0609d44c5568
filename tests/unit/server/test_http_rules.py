"""The fault rules about HTTP: how they are written, and how often they act."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rescue_protos.errors import InvalidArgument
from rescue_server.clock import ServerClock
from rescue_server.core.organization import Organization
from rescue_server.faults.http_rules import AffectApi, AffectPost
from rescue_server.faults.injector import FaultInjector
from rescue_server.faults.methods import methods
from rescue_server.faults.notation import BadRule
from rescue_server.faults.rules import parse_rule
from rescue_server.runtime.schedule.clock_barrier import ClockBarriers
from rescue_server.runtime.state import EngineState

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("when post: answer 500", AffectPost(times=1, status=500)),
        ("when post: answer 500 x3", AffectPost(times=3, status=500)),
        ("when post: answer 500 ×3", AffectPost(times=3, status=500)),
        ("When Post: status 301", AffectPost(times=1, status=301)),
        ("when post: cut x2", AffectPost(times=2, status=0)),
        (
            "when api getReport_v2: answer POLLRATEEXCEEDED x2",
            AffectApi(method="getreport_v2", times=2, word="POLLRATEEXCEEDED"),
        ),
        ("when api login: delay 5s", AffectApi(method="login", times=1, delay=timedelta(seconds=5))),
        ("when api login: status 503", AffectApi(method="login", times=1, status=503)),
        ("when api getSession_v3: cut", AffectApi(method="getsession_v3", times=1, is_cut=True)),
    ],
)
def test_a_rule_is_read(text: str, action: AffectPost | AffectApi) -> None:
    rule = parse_rule(text, methods())
    assert (rule.moment, rule.action, rule.session) == (None, action, "")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("when post answer 500", "when post: answer 500"),
        ("when post: answer ERROR", "no answer to a post .*answer 500"),
        ("when post: answer 999", "no answer to a post"),
        ("when post: delay 5s", "no answer to a post"),
        ("when post: answer 500 x0", "1 to 1000"),
        ("when api: answer ERROR", "when api METHOD"),
        ("when api login: answer 503", "no answer of the public API .*status 503"),
        ("when api login: delay soon", "not a duration"),
        ("when api login: lan off", "no answer of the public API"),
    ],
)
def test_a_bad_rule_is_refused_with_what_is_possible(text: str, hint: str) -> None:
    with pytest.raises(BadRule, match=hint):
        parse_rule(text, methods())


@pytest.fixture
def faults() -> FaultInjector:
    return FaultInjector(EngineState(), ServerClock(start=NOON, paused=True), ClockBarriers(), methods())


async def test_a_rule_acts_as_often_as_it_says_and_tells_its_listener(faults: FaultInjector) -> None:
    told: list[list[str]] = []
    faults.on_api_change(lambda: told.append(faults.api_methods))
    twice = await faults.add("when api getReport_v2: answer POLLRATEEXCEEDED x2")
    assert str(twice.state) == "at work"
    assert await faults.affect_api("login") is None
    assert [await faults.affect_api("GETREPORT_V2") is not None for _ in range(3)] == [True, True, False]
    assert str(twice.state) == "spent"
    assert told == [["getreport_v2"], ["getreport_v2"], []]
    once = await faults.add("when post: cut")
    assert [faults.affect_post("1001") is not None for _ in range(2)] == [True, False]
    assert str(once.state) == "spent"


async def test_cleared_rules_act_no_more(faults: FaultInjector) -> None:
    await faults.add("when post: answer 500 x9")
    await faults.add("when api login: cut")
    assert faults.clear() == 2
    assert faults.affect_post("1001") is None
    assert (faults.api_methods, await faults.affect_api("login")) == ([], None)


async def test_the_public_api_belongs_to_nobody_alone() -> None:
    state = EngineState(organization=Organization(technicians={"alice": "Support"}))
    faults = FaultInjector(state, ServerClock(start=NOON, paused=True), ClockBarriers(), methods())
    with pytest.raises(InvalidArgument, match="a server of its own"):
        await faults.add("when api login: cut", ["alice"])
