"""A fault rule for some technicians concerns their sessions and calls, and nobody else's."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from rescue_protos.errors import InjectedFault, InvalidArgument, NotFound
from rescue_protos.v1 import access_pb2, applet_pb2
from rescue_server.clock import ServerClock
from rescue_server.core import customer_side, decide, organization
from rescue_server.faults.injector import FaultInjector, RuleState
from rescue_server.faults.methods import methods
from rescue_server.runtime import command_handlers
from rescue_server.runtime.schedule.clock_barrier import ClockBarriers
from rescue_server.runtime.state import AppliedEvent, EngineState

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


@pytest.fixture
def state() -> EngineState:
    """Two worlds on one server, `1` and `2`: a group, a technician, a channel and a waiting session in each."""
    found = EngineState()
    for world in "12":
        for event in (
            organization.GroupAdded(at=NOON, name=f"Support-{world}"),
            organization.TechnicianAdded(at=NOON, name=f"alice-{world}", group=f"Support-{world}"),
            organization.SecretChanged(at=NOON, user=f"alice-{world}", secret_hash="x"),
            organization.ChannelAdded(at=NOON, name=f"Web-{world}", groups=(f"Support-{world}",)),
        ):
            found.apply(event)
        join(found, world)
    return found


def join(state: EngineState, world: str) -> list[AppliedEvent]:
    """Let a customer join a session through the world's channel."""
    context = decide.Context(now=NOON, organization=state.organization, in_focus=frozenset())
    outcome = command_handlers.start_through_channel(f"Web-{world}", "Jan", "hash")(state, context)
    started = [state.apply(event) for event in outcome.events]
    attached = customer_side.on_attach(state.sessions[outcome.answer.session], context)
    return [*started, *(state.apply(event) for event in attached)]


@pytest.fixture
def faults(state: EngineState) -> FaultInjector:
    return FaultInjector(state, ServerClock(start=NOON, paused=True), ClockBarriers(), methods())


async def strikes(faults: FaultInjector, method: str, request: object, *, user: str = "") -> bool:
    try:
        async with faults.around(method, request, user=user):
            return False
    except InjectedFault:
        return True


async def test_any_session_is_any_of_these_technicians(state: EngineState, faults: FaultInjector) -> None:
    rule = await faults.add("when any becomes Waiting: lan off", ["alice-1"])
    for applied in join(state, "2"):
        faults.on_applied(applied)
    assert rule.state is RuleState.ARMED
    for applied in join(state, "1"):
        faults.on_applied(applied)
    assert (rule.state, rule.session) == (RuleState.AT_WORK, "1004")


async def test_what_is_so_already_is_theirs_too(faults: FaultInjector) -> None:
    assert (await faults.add("when any is Waiting: lan off", ["alice-2"])).session == "1002"


async def test_only_their_calls_are_struck(faults: FaultInjector) -> None:
    await faults.add("fail next 9 StartSession with INTERNAL", ["alice-1"])
    assert not await strikes(faults, "StartSession", object(), user="alice-2")
    assert await strikes(faults, "StartSession", object(), user="alice-1")


@pytest.mark.parametrize(
    ("method", "theirs", "others"),
    [
        (
            "StartThroughChannel",
            applet_pb2.StartThroughChannelRequest(channel="Web-1"),
            applet_pb2.StartThroughChannelRequest(channel="Web-2"),
        ),
        ("SignIn", access_pb2.SignInRequest(user="alice-1"), access_pb2.SignInRequest(user="alice-2")),
        ("RedeemPin", applet_pb2.RedeemPinRequest(pin="111111"), applet_pb2.RedeemPinRequest(pin="222222")),
    ],
)
async def test_calls_without_a_user_belong_to_whom_they_are_about(
    state: EngineState, faults: FaultInjector, method: str, theirs: object, others: object
) -> None:
    state.pins.update({"111111": "1001", "222222": "1002"})
    await faults.add(f"fail next 9 {method} with INTERNAL", ["alice-1"])
    assert not await strikes(faults, method, others)
    assert await strikes(faults, method, theirs)


async def test_without_technicians_a_rule_concerns_everybody(faults: FaultInjector) -> None:
    await faults.add("fail next 9 StartSession with INTERNAL")
    assert await strikes(faults, "StartSession", object(), user="alice-2")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("when any becomes Active for alice-2: lan off", "there are: alice-1"),
        ("fail next StartSession of bob with INTERNAL", "there are: alice-1"),
        ("lan off at 1002", "no session '1002'"),
        ("when 1002 becomes Active: lan off", "no session '1002'"),
        ("lan off at 7", "no session '7'"),
    ],
)
async def test_a_rule_that_names_nobody_of_theirs_is_refused(faults: FaultInjector, text: str, says: str) -> None:
    with pytest.raises(NotFound, match=says):
        await faults.add(text, ["alice-1"])


@pytest.mark.parametrize("text", ["when any becomes Active for admin: lan off", "when any is Waiting for bob: lan off"])
async def test_a_rule_about_a_queue_names_a_technician(state: EngineState, faults: FaultInjector, text: str) -> None:
    state.apply(organization.SecretChanged(at=NOON, user="admin", secret_hash="x"))
    with pytest.raises(NotFound, match="there are: alice-1, alice-2"):
        await faults.add(text)


@pytest.mark.parametrize("method", ["AddGroup", "Attach"])
async def test_methods_that_belong_to_nobody_alone_are_refused(faults: FaultInjector, method: str) -> None:
    with pytest.raises(InvalidArgument, match="a server of its own"):
        await faults.add(f"fail next {method} with INTERNAL", ["alice-1"])


async def test_technicians_who_do_not_exist_are_refused(faults: FaultInjector) -> None:
    with pytest.raises(NotFound, match="alice-1, alice-2"):
        await faults.add("when any becomes Active: lan off", ["nobody"])
