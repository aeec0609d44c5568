"""`rescue posts`: the list, and sending a post at once."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from contextlib import aclosing

from rescue_emulator.world.world import World
from tests.fakes.post_receiver import PostReceiver, status


async def rescue(world: World, *words: str) -> tuple[int, str, str]:
    """Run a command beside the world's server; return its exit status, output and errors."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rescue_emulator", *words),
        env={**os.environ, "RESCUE_DATA": str(world.data)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await process.communicate()
    return process.returncode or 0, output.decode(), errors.decode()


async def told(world: World, name: str, times: int) -> None:
    """Wait until the journal has an event so often."""
    found = 0
    async with asyncio.timeout(30), aclosing(world.journal.watch()) as pieces:
        async for piece in pieces:
            found += sum(line.name == name for line in piece.lines)
            if found >= times:
                return


async def test_an_administrator_sees_what_failed_and_has_it_sent() -> None:
    async with PostReceiver(lambda post: status(503)) as receiver, World() as world:
        for options, told_so in (
            ((), "nothing was posted yet"),
            (("--pending",), "no post is pending"),
            (("--pending", "--failed"), "no post is pending, and none was given up"),
        ):
            assert await rescue(world, "posts", *options) == (0, "", f"{told_so}\n")
        await world.admin.change_settings("group:Support", {"post-start": receiver.url("/a?key=1", user="reader:pw")})
        alice = await world.technician("alice")
        session, pin = await alice.pin("Ms Vos")
        await world.computer(pin=pin)
        await alice.start(session)
        await told(world, "PostFailed", 1)
        post = json.loads((await rescue(world, "posts", "--pending", "--json"))[1])
        assert (post["session"], post["kind"], post["technician"], post["group"]) == (
            session,
            "start",
            "alice",
            "Support",
        )
        assert (post["state"], post["answer"], post["url"]) == ("pending", "HTTP 503", receiver.url("/a"))
        _, listed, _ = await rescue(world, "posts")
        assert listed.startswith(f"{post['delivery']}  {session} start  alice  pending, ")
        assert listed.endswith(f", HTTP 503  {receiver.url('/a')}\n")
        assert await rescue(world, "posts", "--failed") == (0, "", "no post was given up\n")
        await told(world, "PostFailed", 3)  # the next attempt follows after 25 seconds
        receiver.answer = lambda post: status(204)
        done = await rescue(world, "posts", "retry", post["delivery"][:8])
        assert done == (0, f"{post['delivery']} is sent now\n", "")
        await told(world, "PostSent", 1)
        [sent] = [json.loads(line) for line in (await rescue(world, "posts", "--json"))[1].splitlines()]
        assert (sent["state"], sent["answer"], sent["delivery"]) == ("sent", "HTTP 204", post["delivery"])
        code, _, error = await rescue(world, "posts", "retry", post["delivery"])
        assert (code, f"the post {post['delivery']} was sent (HTTP 204)" in error) == (1, True)
        code, _, error = await rescue(world, "posts", "retry", "nothing")
        assert (code, "`rescue posts` shows those there are" in error) == (1, True)
