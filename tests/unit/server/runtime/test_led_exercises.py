"""Coaches and technicians find each other, whoever comes first and whoever goes."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from rescue_server.runtime.led_exercises import MOST_WAITING, Asked, LedExercises


async def test_what_is_shown_reaches_the_technician_who_watches_and_nobody_else() -> None:
    led: LedExercises[str] = LedExercises()
    async with aclosing(led.lead(["ann", "ben"])) as coach, aclosing(led.watch("ann")) as ann:
        assert await anext(coach) == ()
        assert await anext(ann) is None
        assert led.show("ben", "that of ben")
        assert led.show("ann", "that of ann")
        assert await anext(ann) == "that of ann"


async def test_a_slow_reader_gets_the_last_state() -> None:
    led: LedExercises[str] = LedExercises()
    async with aclosing(led.lead(["ann"])) as coach, aclosing(led.watch("ann")) as ann:
        await anext(coach)
        await anext(ann)
        for state in ("one", "two", "three"):
            led.show("ann", state)
        assert await anext(ann) == "three"


async def test_a_coach_hears_who_watches_and_what_is_asked_also_from_before() -> None:
    led: LedExercises[str] = LedExercises()
    async with aclosing(led.watch("ann")) as ann:
        await anext(ann)
        async with aclosing(led.lead(["ann"])) as coach:
            assert await anext(coach) == ()
            assert await anext(coach) == (Asked(technician="ann", watching=True),)
            assert led.ask("ann", "hint", "nl")
            assert await anext(coach) == (Asked(technician="ann", ask="hint", language="nl", watching=True),)
            await ann.aclose()
            assert await anext(coach) == (Asked(technician="ann"),)


async def test_without_a_coach_nobody_is_asked_and_nothing_is_shown() -> None:
    led: LedExercises[str] = LedExercises()
    assert not led.ask("ann", "hint", "en")
    assert not led.show("ann", "state")
    async with aclosing(led.lead(["ann"])) as coach:
        await anext(coach)
        assert led.is_led("ann")
    assert not led.is_led("ann")


async def test_what_was_shown_is_forgotten_with_its_coach() -> None:
    led: LedExercises[str] = LedExercises()
    async with aclosing(led.watch("ann")) as ann:
        await anext(ann)
        async with aclosing(led.lead(["ann"])) as coach:
            await anext(coach)
            led.show("ann", "state")
            assert await anext(ann) == "state"
        assert await anext(ann) is None


async def test_a_second_coach_replaces_the_first_whose_stream_ends() -> None:
    led: LedExercises[str] = LedExercises()
    async with aclosing(led.lead(["ann"])) as former, aclosing(led.lead(["ann"])) as present:
        await anext(former)
        await anext(present)
        assert [some async for some in former] == []
        led.ask("ann", "next", "en")
        assert await anext(present) == (Asked(technician="ann", ask="next", language="en"),)


async def test_a_coach_that_reads_nothing_costs_bounded_memory() -> None:
    led: LedExercises[str] = LedExercises()
    async with aclosing(led.lead(["ann"])) as coach:
        await anext(coach)
        for number in range(MOST_WAITING + 10):
            led.ask("ann", f"answer {number}", "en")
        waiting = await anext(coach)
        assert (len(waiting), waiting[-1].ask) == (MOST_WAITING, f"answer {MOST_WAITING + 9}")


async def test_at_the_shutdown_every_stream_ends() -> None:
    led: LedExercises[str] = LedExercises()
    async with aclosing(led.lead(["ann"])) as coach, aclosing(led.watch("ann")) as ann:
        await anext(coach)
        await anext(ann)
        led.drain()
        async with asyncio.timeout(10):
            assert [some async for some in ann] == []
            assert all(not one.ask for some in [s async for s in coach] for one in some)
