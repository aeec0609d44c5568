"""Runs exercises on a server for somebody at a terminal, and keeps each score.

The server is the exercises' own, or one that runs already and that others use, too. There each run makes people of its
own, so that nobody sees the sessions of others; the clock alone is everybody's.
"""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click

from rescue_common.state_directory import Access
from rescue_console.terminal_input import typed_lines
from rescue_emulator.exercises.coach import Coach
from rescue_emulator.exercises.model import Exercise
from rescue_emulator.exercises.presenter import Result
from rescue_emulator.exercises.progress import ProgressFile
from rescue_emulator.exercises.terminal import TerminalPresenter
from rescue_emulator.exercises.texts import ExerciseTexts
from rescue_emulator.scenarios.stage import Stage
from rescue_emulator.world.technician import Technician
from rescue_emulator.world.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """The server of a run: the one at `server` that others use, too, or else one of its own.

    `data` is the server's state directory, `web` where a server of one's own shows the consoles in a browser.
    """

    server: str | None = None
    data: Path | None = None
    web: str | None = None

    def world(self) -> World:
        """Return the world to play in. Raises NoAccess and BadTls."""
        if self.server is not None:
            return World.external(server=self.server, data=self.data)
        return World(data=self.data, options=("--web", self.web) if self.web else ())


@dataclass(frozen=True, slots=True, kw_only=True)
class ExerciseRun:
    """Plays exercises, one after the other. `show` prints a line."""

    texts: ExerciseTexts
    person: str
    predict: bool | None
    scores: ProgressFile
    show: Callable[[str], None]

    async def play(self, exercises: Sequence[Exercise], where: Where) -> bool:
        """Return whether all were solved; False also if the trainee stops. Raises what the world raises."""
        async with where.world() as world:
            names = tuple(dict.fromkeys(name for one in exercises for name in one.technicians))
            stage = await Stage.build(world, lang=self.texts.language, names=names)
            trainee = stage.technicians[exercises[0].trainee]
            self._show_doors(world, trainee, where)
            solved = True
            for one in exercises:
                presenter = TerminalPresenter(texts=self.texts, show=self.show, names=trainee.names)
                coach = Coach(exercise=one, stage=stage, presenter=presenter, predict=self.predict, keep=self._keep)
                result = await _coached(coach, presenter)
                if result is None:
                    return False
                solved &= result.solved
                with suppress(Exception):  # after the last exercise the world ends anyway
                    await coach.clear()
        return solved

    def _show_doors(self, world: World, trainee: Technician, where: Where) -> None:
        if where.server is None:
            command = f"rescue console {trainee.account} --data {shlex.quote(str(world.data))}"
            secret = Access.read(world.data).secrets[trainee.account]
        else:
            secret = trainee.secret
            command = f"RESCUE_SECRET={secret} rescue console {trainee.account} --server {where.server}"
        self.show(self.texts.text("Open your console in another terminal: {command}", command=command))
        if where.web:
            line = "Or in a browser: {url} (user {user}, secret {secret})"
            self.show(self.texts.text(line, url=f"http://{where.web}/", user=trainee.account, secret=secret))
        elif where.server is not None:
            line = "Or on the server's pages: user {user}, secret {secret}"
            self.show(self.texts.text(line, user=trainee.account, secret=secret))

    def _keep(self, result: Result) -> None:
        score = result.score(self.person, datetime.now(UTC))
        try:
            self.scores.add(score)
        except OSError as error:
            click.echo(f"the score could not be kept: {error}", err=True)


async def _coached(coach: Coach, presenter: TerminalPresenter) -> Result | None:
    """Run the exercise while the trainee may ask for hints. Returns None if they stop it."""
    playing = asyncio.create_task(coach.run())
    reading = asyncio.create_task(_read_lines(coach, presenter, playing))
    try:
        return await playing
    except asyncio.CancelledError:
        if reading.done():
            return None
        raise
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def _read_lines(coach: Coach, presenter: TerminalPresenter, playing: asyncio.Task[Result]) -> None:
    async for typed in typed_lines():
        line = typed.line.decode(errors="replace").strip()
        if presenter.is_asking:
            presenter.answers.put_nowait(line)
        elif line.casefold() == "q":
            playing.cancel()
            return
        elif line.casefold() == "h":
            presenter.hint(coach.take_hint())
    presenter.has_input = False  # the exercise goes on in the console
    presenter.answers.put_nowait("")
    await asyncio.Event().wait()
