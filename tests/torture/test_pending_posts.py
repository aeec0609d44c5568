"""Pending posts while the server is killed: none is lost, each session's come in order, and a repeated one says so.

The receiver is a process of its own for the server. It takes some posts, refuses others, and breaks off at times. A
kill can come at any moment of an attempt.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from contextlib import aclosing

import pytest

from rescue_client.connection import Connection
from rescue_client.posts import PENDING, PostClient
from rescue_emulator.world.world import World
from tests.fakes.post_receiver import OK, PostReceiver, ReceivedPost, status

BROKEN = b"HTTP/1.1 2"


@pytest.mark.parametrize(
    ("kills", "customers"), [(4, 4), pytest.param(40, 30, marks=[pytest.mark.long, pytest.mark.timeout(600)])]
)
async def test_no_post_is_lost_and_order_holds_while_the_server_is_killed(kills: int, customers: int) -> None:
    seed = random.randrange(10**6)
    dice = random.Random(seed)

    def answer(post: ReceivedPost) -> bytes:
        return dice.choice([OK, OK, status(503), status(302), BROKEN])

    async with PostReceiver(answer) as receiver, World() as world:
        urls = {"post-start": receiver.url("/start"), "post-end": receiver.url("/end")}
        await world.admin.change_settings("group:Support", urls)
        alice = await world.technician("alice")
        calls = [asyncio.create_task(support(world, f"Customer {number}")) for number in range(customers)]
        for _ in range(kills):
            known = len(receiver.posts)
            with contextlib.suppress(TimeoutError):
                await receiver.received(known + dice.randrange(4), within=2)
            await asyncio.sleep(dice.uniform(0, 0.02))  # into the middle of an attempt, a commit, or a pause
            await world.kill_server()
            await world.restart_server()
        receiver.answer = lambda post: OK
        await world.kill_server()
        await world.restart_server()  # tries at once what is pending; now everything is taken
        sessions = await asyncio.gather(*calls)
        await alice.command("sync")
        await all_sent(world, 2 * customers)
        judge(receiver.posts, sessions, f"seed {seed}")


async def support(world: World, customer: str) -> str:
    """Let alice support a customer from the PIN to the end, whatever happens to the server."""
    alice = world.technicians[0]
    session, pin = await alice.pin(customer)
    await world.computer(pin=pin)
    await alice.start(session)
    await alice.end(session)
    return session


async def all_sent(world: World, number: int) -> None:
    """Wait until the journal has so many posts that were sent, and nothing is pending."""
    sent = 0
    async with asyncio.timeout(30), aclosing(world.journal.watch()) as pieces:
        async for piece in pieces:
            sent += sum(line.name == "PostSent" for line in piece.lines)
            if sent >= number:
                break
    async with Connection.find(user="admin", data=world.data) as connection:
        assert await PostClient(connection).all(PENDING) == []


def judge(posts: list[ReceivedPost], sessions: list[str], seed: str) -> None:
    """Judge what the receiver got, in the order in which it came."""
    for session in sessions:
        own = [post for post in posts if post.fields["SessionID"] == session]
        starts = [post for post in own if "/start" in post.line]
        ends = [post for post in own if "/end" in post.line]
        assert starts, (seed, session)
        assert ends, (seed, session)
        assert own == [*starts, *ends], (seed, session, [(post.line, post.attempt) for post in own])
        for same in (starts, ends):
            assert len({(post.delivery, post.body) for post in same}) == 1, (seed, session)
            numbers = [post.attempt for post in same]
            assert numbers == sorted(numbers), (seed, session, numbers)
            assert {*numbers} == {*range(1, numbers[-1] + 1)}, (seed, session, numbers)
