"""A torture run: the server is killed again and again under load on a failing machine, and the history is judged.

`python -m tests.torture.run [--kills N] [--seed N]` is what `make torture` does; `test_torture.py` does a short one.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import secrets
import sys
import tempfile
from contextlib import AsyncExitStack
from datetime import timedelta
from math import inf
from pathlib import Path

from rescue_emulator import World
from rescue_emulator.world.cluster_programs import ClusterPrograms
from tests.torture.checker import Verdict, judge
from tests.torture.history import History, Outcome, Restart, digest, moment
from tests.torture.load import TECHNICIANS, Customer, Desk, Timer, chosen_request_ids
from tests.torture.machine import failing_machine
from tests.torture.processes import ConsoleProcess
from tests.torture.subjects import OneServer, ServersOfACluster, Subject
from tests.torture.trouble import Trouble

SHORT_LIFE = 1.5  # real seconds that a server is left alone at most
LONG_LIFE = 4.0
_STUCK = 30.0  # real seconds without any answer, although a machine may be busy with other things


async def torture(
    *, seed: int, kills: int, customers: int = 3, consoles: int = 5, life: float = LONG_LIFE, budget: float = inf
) -> History:
    """Play the run and return its history. After `budget` real seconds it is brought to its end, however few kills."""
    history = History(seed=seed)
    dice = random.Random(seed)
    async with AsyncExitStack() as stack:
        machine = stack.enter_context(failing_machine())
        world = await stack.enter_async_context(World(speed=5, seed=seed, data=machine.data))
        stack.enter_context(chosen_request_ids())
        await world.set("group:Support", idle_timeout="2m", waiting_timeout="10m", connecting_timeout="3m")
        await world.set("channel:Web", waiting_timeout="10m", terms="")
        desks = [Desk(world, history, TECHNICIANS[n % 3], n // 3) for n in range(consoles)]
        for desk in desks:
            await stack.enter_async_context(desk.connection)
        people = [Customer(world, history, n, gentle=n == 0) for n in range(customers)]
        victim = ConsoleProcess(world, history, "carol")
        trouble = Trouble(world, history, machine)
        subject = OneServer(world)
        watching = [asyncio.create_task(desk.watch()) for desk in desks]
        working = [
            *(asyncio.create_task(desk.work()) for desk in desks),
            *(asyncio.create_task(person.live()) for person in people),
            asyncio.create_task(Timer(world, history).play()),
            asyncio.create_task(victim.live(dice.random())),
            asyncio.create_task(trouble.play()),
        ]
        try:
            tasks = [*watching, *working]
            await _kill_again_and_again(subject, history, trouble.quiet, dice, kills, life, moment() + budget, tasks)
            await _stop(working)
            await _settle(world, subject, history, desks, people, victim)
        finally:
            await _stop([*watching, *working])
    return history


async def torture_cluster(
    *, seed: int, kills: int, engine: str = "nats", nodes: int = 3, life: float = LONG_LIFE, budget: float = inf
) -> History:
    """As `torture`, but the leading server of three dies again and again, and nodes of the engine with it."""
    history = History(seed=seed)
    dice = random.Random(seed)
    with tempfile.TemporaryDirectory(prefix="rescue-torture-") as directory:
        programs = ClusterPrograms(Path(directory), nodes=nodes, engine=engine, first=["--speed", "5"])
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(programs)
            visiting = World.external(server=programs.address, data=programs.data(), share=False, seed=seed)
            world = await stack.enter_async_context(visiting)
            stack.enter_context(chosen_request_ids())
            await world.set("group:Support", idle_timeout="2m", waiting_timeout="10m", connecting_timeout="3m")
            await world.set("channel:Web", waiting_timeout="10m", terms="")
            desks = [Desk(world, history, TECHNICIANS[n % 3], n // 3) for n in range(4)]
            for desk in desks:
                await stack.enter_async_context(desk.connection)
            people = [Customer(world, history, n, gentle=n == 0) for n in range(2)]
            victim = ConsoleProcess(world, history, "carol")
            watching = [asyncio.create_task(desk.watch()) for desk in desks]
            working = [
                *(asyncio.create_task(desk.work()) for desk in desks),
                *(asyncio.create_task(person.live()) for person in people),
                asyncio.create_task(Timer(world, history).play()),
                asyncio.create_task(victim.live(dice.random())),
            ]
            subject = ServersOfACluster(programs, dice)
            try:
                tasks = [*watching, *working]
                until = moment() + budget
                await _kill_again_and_again(subject, history, asyncio.Lock(), dice, kills, life, until, tasks)
                await _stop(working)
                await _settle(world, subject, history, desks, people, victim)
            finally:
                await _stop([*watching, *working])
            history.pauses, history.edge_deaths = subject.pauses, subject.edge_deaths
            history.node_kills = subject.node_kills
    return history


async def _kill_again_and_again(
    subject: Subject,
    history: History,
    quiet: asyncio.Lock,
    dice: random.Random,
    kills: int,
    life: float,
    until: float,
    tasks: list[asyncio.Task[None]],
) -> None:
    for number in range(kills):
        if moment() > until:
            return
        # Sometimes while everybody is still finding it again, sometimes after a while of steady work: a machine that
        # is busy with other things would otherwise never get that far.
        if number % 2 or dice.random() < 0.5:
            await _at_work(history)
            await asyncio.sleep(dice.uniform(0, life))
            if number % 2:
                async with quiet:  # whatever happened to the machine is over: the server must have got over it
                    await _at_work(history)
        else:
            await asyncio.sleep(dice.uniform(0, 0.3))
        for task in tasks:
            if task.done():
                task.result()  # nobody but us may end them
        if dice.random() < 0.15:
            async with quiet:  # a paused server cannot stop in time
                history.exits.append(await subject.stop())
        else:
            await subject.kill()
        died = moment()
        journal, answers, _ = await subject.remains()
        history.kills += 1
        history.restarts.append(
            Restart(
                died=died,
                last_revision=journal[-1].revision if journal else 0,
                digest=digest(journal),
                answers=frozenset(answers),
            )
        )
        async with quiet:  # nothing starts on a disk that fails
            await subject.restart()
        if sys.stderr.isatty() or number % 25 == 24:
            print(f"death {number + 1} of {kills}, {len(journal)} events", file=sys.stderr)


async def _at_work(history: History) -> None:
    """Wait until a command takes effect; write it down if none does."""
    before, until = len(history.commands), moment() + _STUCK
    while not any(command.outcome is Outcome.ANSWERED for command in history.commands[before:]):
        if moment() > until:
            history.stuck.append(history.kills)
            return
        await asyncio.sleep(0.02)


async def _settle(
    world: World, subject: Subject, history: History, desks: list[Desk], people: list[Customer], victim: ConsoleProcess
) -> None:
    """Leave everybody in peace, let time pass, and look at what there is."""
    await world.clock.pause()
    for person in people:
        if person.computer is not None and person.computer.program.status is None:
            await person.computer.lan_on()
    await asyncio.sleep(5)  # within which every applet must be back
    # Applets that answer live through this, all others are found out; and whatever is due falls due.
    await world.clock.advance(timedelta(minutes=2))
    history.alive = {
        person.computer.session
        for person in people
        if person.computer is not None and person.computer.program.status is None and person.computer.session
    } - history.dead
    for desk in desks:
        await desk.settle()
    await victim.settle()
    history.exits += await subject.end()
    history.journal, history.answers, history.clock = await subject.remains()


async def _stop(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, Exception):
            raise outcome


def summary(history: History, verdict: Verdict, seconds: float) -> str:
    """Return what a person wants to know."""
    outcomes = {kind: sum(c.outcome is kind for c in history.commands) for kind in Outcome}
    beside = {"of servers that follow": history.edge_deaths, "of nodes": history.node_kills}
    deaths = "".join(f", {count} {of_whom}" for of_whom, count in beside.items() if count)
    return (
        f"seed {history.seed}: {history.kills} deaths{deaths}, {history.pauses} pauses, "
        f"{history.disk_errors} disk errors, {history.jumps} jumps of the clock, {len(history.journal or ())} events, "
        f"{len(history.commands)} commands ({', '.join(f'{n} {kind}' for kind, n in outcomes.items())}), "
        f"{sum(len(console.seen) for console in history.consoles)} updates at {len(history.consoles)} consoles, "
        f"{seconds:.0f} s: {verdict}"
    )


def main() -> None:
    """Run and say what came of it; exit status 1 unless the verdict is yes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--cluster", action="store_true", help="several servers and an engine")
    options = parser.parse_args()
    seed = options.seed if options.seed is not None else secrets.randbelow(2**32)
    print(
        f"seed {seed}: replay with `make torture SEED={seed}{' CLUSTER=1' if options.cluster else ''}`", file=sys.stderr
    )
    began = moment()
    run = (
        torture_cluster(seed=seed, kills=options.kills) if options.cluster else torture(seed=seed, kills=options.kills)
    )
    history = asyncio.run(run)
    verdict = judge(history)
    print(summary(history, verdict, moment() - began))
    sys.exit(0 if verdict.answer == "yes" else 1)


if __name__ == "__main__":
    main()
