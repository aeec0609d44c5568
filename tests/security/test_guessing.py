"""AttemptLimiter PINs and secrets takes too long, and honest people do not notice."""

from __future__ import annotations

import asyncio

import grpc

from rescue_protos.error_details import from_rpc_error
from rescue_protos.v1 import applet_pb2
from rescue_server.runtime.sign_in_rate import (
    MAX_SOURCES,
    PINS_EACH,
    PINS_OVERALL,
    AttemptLimiter,
    Policy,
)
from rescue_server.settings import MOST
from tests.security.conftest import House, Refused

ALL_PINS = 1_000_000


def test_trying_all_pins_takes_longer_than_any_pin_lives() -> None:
    """With the policies in force, at real speed, for a guesser who never needs the same address twice."""
    guessing = AttemptLimiter(each=PINS_EACH, overall=PINS_OVERALL)
    tried, start = 20_000, 0.0
    for number in range(tried):
        start += guessing.wait(f"peer {number}", start)
        guessing.failed(f"peer {number}", start)
    # From here on failures are forgotten more slowly than they come, so that no attempt is cheaper than this one.
    assert guessing.wait("a peer that never failed", start) == PINS_OVERALL.longest_wait
    assert PINS_OVERALL.longest_wait < PINS_OVERALL.forget_after
    all_of_them = start + (ALL_PINS - tried) * PINS_OVERALL.longest_wait
    assert MOST.total_seconds() == 999 * 60
    assert all_of_them > 50 * MOST.total_seconds()
    # While a PIN of the longest validity lives, a guesser with any number of addresses finds it with 1.3 % at most.
    within = PINS_OVERALL.free + 20 + MOST.total_seconds() / PINS_OVERALL.longest_wait
    assert within / ALL_PINS < 0.013


def test_one_peer_alone_is_slower_still() -> None:
    guessing = AttemptLimiter(each=PINS_EACH, overall=PINS_OVERALL)
    within, now = 0, 0.0
    while now < MOST.total_seconds():
        guessing.failed("peer", now)
        within += 1
        now += guessing.wait("peer", now)
    assert within < 150


def test_mistyping_costs_nothing_and_is_forgotten() -> None:
    guessing = AttemptLimiter(each=PINS_EACH, overall=PINS_OVERALL)
    for _ in range(2):
        guessing.failed("customer", 0.0)
    assert guessing.wait("customer", 0.0) == 0
    for _ in range(PINS_EACH.free + 1):
        guessing.failed("clumsy", 0.0)
    assert guessing.wait("clumsy", 0.0) > 0
    assert guessing.wait("clumsy", PINS_EACH.longest_wait) == 0
    assert guessing.wait("neighbour", 0.0) == 0


def test_waits_grow_to_the_longest_and_the_record_stays_small() -> None:
    policy = Policy(free=2, first_wait=1.0, longest_wait=10.0, forget_after=1e9)
    assert [policy.wait_after(n) for n in range(9)] == [0, 0, 0, 1, 2, 4, 8, 10, 10]
    assert policy.wait_after(1e9) == 10
    guessing = AttemptLimiter(each=policy, overall=policy)
    for number in range(MAX_SOURCES + 100):
        guessing.failed(f"peer {number}", 0.0)
    assert len(guessing._by_source) == MAX_SOURCES


async def test_wrong_pins_are_slowed_down_however_many_come_at_once(house: House, refused: Refused) -> None:
    alice = await house.signed_in("alice")
    right = (await house.new_pin(alice)).pin
    wrong = [f"{n:06d}" for n in range(200) if f"{n:06d}" != right]
    answers = await asyncio.gather(*(house.redeem(pin) for pin in wrong), return_exceptions=True)
    errors = [from_rpc_error(error) for error in answers if isinstance(error, grpc.RpcError)]
    assert len(errors) == len(wrong)
    judged = [error for error in errors if error.reason == "PIN_UNKNOWN"]
    assert len(judged) == PINS_EACH.free + 1
    slowed = [error for error in errors if error.reason == "TOO_MANY_WRONG_PINS"]
    assert len(slowed) == len(wrong) - len(judged)
    assert {error.code for error in slowed} == {"RESOURCE_EXHAUSTED"}
    assert all(0 < error.retry_after <= PINS_EACH.longest_wait for error in slowed)
    # The right one is not judged either while the peer waits; then the very same request goes through.
    request = applet_pb2.RedeemPinRequest(request_id="the same", pin=right)
    async with refused("RESOURCE_EXHAUSTED", "TOO_MANY_WRONG_PINS"):
        await house.applet.RedeemPin(request)
    async with asyncio.timeout(30):
        while True:
            try:
                assert (await house.applet.RedeemPin(request)).ticket
                break
            except grpc.RpcError as error:
                slow = from_rpc_error(error)
                assert slow.reason == "TOO_MANY_WRONG_PINS"
                await asyncio.sleep(slow.retry_after)


async def test_a_customer_who_mistypes_twice_gets_in_at_once(house: House, refused: Refused) -> None:
    pin = (await house.new_pin(await house.signed_in("alice"))).pin
    for wrong in {"000000", "000001", "000002"} - {pin}:
        async with refused("FAILED_PRECONDITION", "PIN_UNKNOWN"):
            await house.redeem(wrong)
    assert (await house.redeem(pin)).ticket


async def test_many_who_succeed_from_one_address_are_never_slowed_down(house: House) -> None:
    alice = await house.signed_in("alice")
    created = await asyncio.gather(*(house.new_pin(alice) for _ in range(60)))
    redeemed = await asyncio.gather(*(house.redeem(one.pin) for one in created))
    assert len({one.ticket for one in redeemed}) == 60
