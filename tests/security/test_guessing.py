"""Guessing PINs takes too long, and honest people get in meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from itertools import count, cycle

import grpc
import pytest

from rescue_protos.error_details import from_rpc_error
from rescue_protos.errors import ResourceExhausted
from rescue_protos.v1 import applet_pb2, applet_pb2_grpc
from rescue_server.runtime.pin_attempts import LONGEST_LINE, PinAttempts
from rescue_server.runtime.pin_guesses import EACH, FEW, GUESSERS, HERE, NEWCOMERS, PinGuesses
from rescue_server.settings import MOST
from tests.security.conftest import House, Refused, calling_from

ALL_PINS = 1_000_000
LONGEST_LIFE = MOST.total_seconds()


def tried(guesses: PinGuesses, sources: Iterator[str], *, within: float, from_: float = 0.0) -> int:
    """How many wrong PINs are judged of a guesser who takes these sources in turn, as soon as any may go on."""
    now, most, judged = from_, from_ + within, 0
    while now < most:
        waits = []
        for _ in range(50):
            source = next(sources)
            if (wait := guesses.wait(source, now)) == 0:
                guesses.wrong(source, now)
                judged += 1
                break
            waits.append(wait)
        else:
            now += max(min(waits), 1.0)
    return judged


def fresh() -> Iterator[str]:
    """A source that was never seen, for each guess."""
    return (f"source {number}" for number in count())


def test_no_guesser_finds_a_pin_while_it_lives() -> None:
    """The arithmetic, then guessers of each kind; a PIN lives 999 minutes at most."""
    assert LONGEST_LIFE == 999 * 60
    at_most = sum(one.at_once + LONGEST_LIFE / one.every for one in (NEWCOMERS, GUESSERS, HERE))
    assert at_most / ALL_PINS < 0.013
    assert ALL_PINS / at_most * LONGEST_LIFE > 50 * 86_400  # to try them all takes 50 days
    of_newcomers = NEWCOMERS.at_once + LONGEST_LIFE / NEWCOMERS.every
    of_guessers = GUESSERS.at_once + LONGEST_LIFE / GUESSERS.every
    assert tried(PinGuesses(), fresh(), within=LONGEST_LIFE) == pytest.approx(of_newcomers, abs=2)
    some = tried(PinGuesses(), cycle([f"source {n}" for n in range(40)]), within=LONGEST_LIFE)
    assert of_guessers <= some <= of_guessers + 40 * (FEW.at_once + LONGEST_LIFE / FEW.every) + 2
    one = tried(PinGuesses(), cycle(["one"]), within=LONGEST_LIFE)
    assert one <= min(of_guessers, EACH.at_once + LONGEST_LIFE / EACH.every) + FEW.at_once + LONGEST_LIFE / FEW.every
    here = tried(PinGuesses(), cycle(["127.0.0.1", "::1", "unix"]), within=LONGEST_LIFE)
    assert here == pytest.approx(HERE.at_once + LONGEST_LIFE / HERE.every, abs=2)


def test_forty_addresses_that_guess_delay_no_customer_elsewhere() -> None:
    guesses = PinGuesses()
    tried(guesses, cycle([f"guesser {n}" for n in range(40)]), within=3610.0)
    now = 3610.0
    assert guesses.wait("guesser 1", now) > 0
    for wrong in range(FEW.at_once):
        assert guesses.wait("customer", now) == 0, f"after {wrong} mistakes"
        guesses.wrong("customer", now)
    assert guesses.wait("127.0.0.1", now) == 0


def test_whoever_was_right_is_a_newcomer_again_and_has_no_more_guesses() -> None:
    guesses = PinGuesses()
    judged = 0
    while guesses.wait("peer", 0.0) == 0:
        guesses.wrong("peer", 0.0)
        guesses.right("peer")
        judged += 1
    assert judged == EACH.at_once
    assert guesses.wait("neighbour", 0.0) == 0


def test_a_neighbours_typing_errors_cost_seconds_not_minutes() -> None:
    """Found: sixteen made everybody at that address wait 31 s, then 62 s, up to 900 s."""
    for address in ("192.0.2.1", "127.0.0.1"):
        guesses = PinGuesses()
        for _ in range(16):
            assert guesses.wait(address, 0.0) == 0
            guesses.wrong(address, 0.0)
        assert guesses.wait(address, 0.0) == 0
    one = PinGuesses()
    for second in range(3600):
        if one.wait("192.0.2.1", second) == 0:
            one.wrong("192.0.2.1", second)
        assert one.wait("192.0.2.1", second) <= max(EACH.every, GUESSERS.every)


class Time:
    now = 0.0


@contextlib.asynccontextmanager
async def turn(attempts: PinAttempts, source: str, order: list[str]) -> AsyncIterator[None]:
    async with attempts.turn(source):
        order.append(source)
        yield


async def wrong(attempts: PinAttempts, source: str, order: list[str]) -> None:
    async with turn(attempts, source, order):
        attempts.guesses.wrong(source, Time.now)


async def right(attempts: PinAttempts, source: str, order: list[str]) -> None:
    async with turn(attempts, source, order):
        attempts.guesses.right(source)


async def settled() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_in_the_line_whoever_was_wrong_less_often_goes_first() -> None:
    """The worst that strangers can do: a new address for every guess. Each is judged, one after the other."""
    Time.now = 0.0
    attempts, order = PinAttempts(lambda: Time.now, stand_for=60.0), list[str]()
    attempts.guesses.wrong("clumsy", 0.0)
    tried(attempts.guesses, fresh(), within=1.0)
    tasks = [asyncio.create_task(wrong(attempts, name, order)) for name in ("clumsy", "first", "second")]
    tasks += [asyncio.create_task(right(attempts, name, order)) for name in ("clumsy too", "third")]
    await settled()
    assert order == []
    for expected in (["first"], ["first", "second"], ["first", "second", "clumsy too", "third", "clumsy"]):
        Time.now += NEWCOMERS.every
        attempts._serve()
        await settled()
        assert order == expected
    await asyncio.gather(*tasks)


async def test_who_leaves_the_line_is_not_judged_and_holds_nobody_up() -> None:
    Time.now = 0.0
    attempts, order = PinAttempts(lambda: Time.now, stand_for=60.0), list[str]()
    tried(attempts.guesses, fresh(), within=1.0)
    tasks = [asyncio.create_task(wrong(attempts, name, order)) for name in ("gone", "gone at its turn", "stays")]
    await settled()
    tasks[0].cancel()
    await settled()
    Time.now += NEWCOMERS.every
    attempts._serve()  # gives the turn
    tasks[1].cancel()  # before it is taken
    await settled()
    assert order == ["stays"]
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_the_line_is_bounded_and_the_best_stay() -> None:
    Time.now = 0.0
    attempts, order = PinAttempts(lambda: Time.now, stand_for=60.0), list[str]()
    tried(attempts.guesses, fresh(), within=1.0)
    attempts.guesses._remembered.spend("clumsy", 0.0)
    tasks = [asyncio.create_task(right(attempts, "clumsy", order)) for _ in range(LONGEST_LINE)]
    await settled()
    tasks.append(asyncio.create_task(right(attempts, "customer", order)))
    await settled()
    refused = [task for task in tasks if task.done()]
    assert [type(task.exception()) for task in refused] == [ResourceExhausted]
    Time.now += NEWCOMERS.every
    attempts._serve()
    await asyncio.gather(*(task for task in tasks if task not in refused))
    assert (order[0], len(order)) == ("customer", LONGEST_LINE)


async def test_wrong_pins_are_slowed_down_however_many_come_at_once(house: House, refused: Refused) -> None:
    right = (await house.new_pin(await house.signed_in("alice"))).pin
    wrong = [f"{n:06d}" for n in range(HERE.at_once + 100) if f"{n:06d}" != right]
    answers = await asyncio.gather(*(house.redeem(pin) for pin in wrong), return_exceptions=True)
    errors = [from_rpc_error(error) for error in answers if isinstance(error, grpc.RpcError)]
    assert len(errors) == len(wrong)
    counts = Counter(error.reason for error in errors)
    assert counts == {"PIN_UNKNOWN": HERE.at_once, "TOO_MANY_WRONG_PINS": len(wrong) - HERE.at_once}
    slowed = [error for error in errors if error.reason == "TOO_MANY_WRONG_PINS"]
    assert {error.code for error in slowed} == {"RESOURCE_EXHAUSTED"}
    assert all(0 < error.retry_after <= HERE.every for error in slowed)
    # The right one is not judged either while the source waits; then the very same request goes through.
    request = applet_pb2.RedeemPinRequest(request_id="the same", pin=right)
    async with refused("RESOURCE_EXHAUSTED", "TOO_MANY_WRONG_PINS"):
        await house.applet.RedeemPin(request)
    house.now += HERE.every
    assert (await house.applet.RedeemPin(request)).ticket


async def test_a_customer_gets_in_while_strangers_of_many_addresses_guess(house: House) -> None:
    pin = (await house.new_pin(await house.signed_in("alice"))).pin

    async def guess(stub: applet_pb2_grpc.AppletServiceAsyncStub, number: int) -> str:
        request = applet_pb2.RedeemPinRequest(request_id=f"guess {number}", pin=f"{number:06d}")
        try:
            await stub.RedeemPin(request)
        except grpc.RpcError as error:
            return str(from_rpc_error(error).reason)
        return "found"

    async with contextlib.AsyncExitStack() as callers:
        strangers = [await callers.enter_async_context(calling_from(f"127.1.{n}.7", house)) for n in range(40)]
        customer = await callers.enter_async_context(calling_from("127.9.9.9", house))
        guesses = [
            guess(stub, 100 * n + m) for n, stub in enumerate(strangers) for m in range(6) if 100 * n + m != int(pin)
        ]
        counts = Counter(await asyncio.gather(*guesses))
        assert counts["TOO_MANY_WRONG_PINS"] > 0, counts
        assert await guess(strangers[0], int(pin)) == "TOO_MANY_WRONG_PINS"
        request = applet_pb2.RedeemPinRequest(request_id="mine", pin=pin)
        assert (await customer.RedeemPin(request, timeout=5)).ticket


async def test_who_hangs_up_before_the_answer_counts_all_the_same(house: House) -> None:
    """Attempts that are given up after they were sent are judged, and counted, like any other."""
    calls = []
    for number in range(HERE.at_once + 50):
        request = applet_pb2.RedeemPinRequest(request_id=f"hung up {number}", pin=f"{number:06d}")
        calls.append(house.applet.RedeemPin(request))
    await asyncio.wait([asyncio.ensure_future(_outcome(call)) for call in calls], return_when=asyncio.FIRST_COMPLETED)
    for call in calls:
        call.cancel()
    later = (house.redeem(f"{number:06d}") for number in range(HERE.at_once + 50))
    answers = await asyncio.gather(*later, return_exceptions=True)
    reasons = [from_rpc_error(error).reason for error in answers if isinstance(error, grpc.RpcError)]
    assert reasons.count("PIN_UNKNOWN") < HERE.at_once


async def _outcome(call: grpc.aio.UnaryUnaryCall[applet_pb2.RedeemPinRequest, applet_pb2.RedeemPinResponse]) -> None:
    with contextlib.suppress(grpc.RpcError, asyncio.CancelledError):
        await call


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
