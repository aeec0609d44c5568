"""`rescue scenario`: play, check and record scenario files, and print their schema."""

from __future__ import annotations

import json
import shutil
import sys
import textwrap
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rescue_common.cli_options import INPUT_FILE, SERVERS, SPEED
from rescue_common.signals import Terminated, run_until_signalled
from rescue_emulator.cli.options import console_language
from rescue_emulator.cli.output import count, json_line
from rescue_emulator.cli.story_file import StoryFile
from rescue_emulator.scenarios.bundled import bundled_stories

if TYPE_CHECKING:
    from rescue_emulator.scenarios.model import Scenario
    from rescue_emulator.scenarios.outcome import Played
    from rescue_emulator.scenarios.player import Player

_NARROWEST = 20  # columns; on a narrower terminal lines are not broken
FILES = click.argument("files", nargs=-1, required=True, type=StoryFile(), metavar="FILE|NAME...")


@click.group()
def scenario() -> None:
    """Play stories from files: for a class, or to check that everything still happens as written.

    \b
    Examples:
      rescue scenario list
      rescue scenario record 1001 --output story.yaml
      rescue scenario run story.yaml
    """


@scenario.command()
@FILES
@click.option("--speed", type=SPEED, help="Let the clock run at this speed.")
@click.option("--narrate", is_flag=True, help="Play slowly, and explain what happens and why.")
@click.option("--step", is_flag=True, help="As --narrate, and wait for Enter before each step.")
@console_language
@click.option("--seed", type=int, help="Seed of all random choices, as a failed run has printed it.")
@click.option("--junit", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Write JUnit XML.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a scenario.")
def run(
    files: Sequence[Path],
    speed: float | None,
    narrate: bool,
    step: bool,
    lang: str,
    seed: int | None,
    junit: Path | None,
    as_json: bool,
) -> int:
    """Play every scenario of the FILEs with real programs. NAME is a bundled story (see `rescue scenario list`).

    Exit status 1 if a console showed anything else than the scenario expects. Without --speed the clock is paused and
    advanced, which is fast.

    \b
    Examples:
      rescue scenario run story.yaml
      rescue scenario run story.yaml --narrate --lang nl
      rescue scenario run lunch
    """
    if speed is not None and (narrate or step):
        raise click.UsageError("--speed excludes --narrate and --step")
    stories = [story for path in files for story in _read(path)]
    from rescue_common.processes.child import ProgramEnded
    from rescue_emulator.scenarios.results import as_junit

    this_run = _Run(lang=lang, speed=speed, seed=seed, narrate=narrate or step, step=step, as_json=as_json)
    outcomes = this_run.outcomes
    try:
        run_until_signalled(this_run.play(stories))
    except Terminated:
        raise KeyboardInterrupt from None  # SIGTERM: the world was ended before the end of the run
    except (ProgramEnded, TimeoutError) as error:
        raise click.ClickException(f"the programs could not be started: {error}") from None
    finally:
        if junit is not None:
            try:
                junit.write_text(as_junit(outcomes, unplayed=stories[len(outcomes) :]), encoding="utf-8")
            except OSError as error:
                raise click.FileError(str(junit), error.strerror) from None
    good = sum(played.ok for played in outcomes)
    click.echo(f"{good} of {len(outcomes)} as told", err=True)
    return 0 if good == len(outcomes) else 1


@scenario.command()
@FILES
def check(files: Sequence[Path]) -> int:
    """Check the FILEs without playing them; every error is printed with its line.

    \b
    Example:
      rescue scenario check story.yaml
    """
    from rescue_emulator.scenarios.model import BadScenario
    from rescue_emulator.scenarios.reader import read_file

    bad = 0
    for path in files:
        try:
            click.echo(f"{path}: {count(len(read_file(path)), 'scenario')}")
        except BadScenario as error:
            bad += 1
            click.echo(str(error), err=True)
    return 1 if bad else 0


@scenario.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a story.")
def list_stories(as_json: bool) -> None:
    """List the bundled stories: NAME for `run` and `check`, and what each is about.

    \b
    Example:
      rescue scenario list
    """
    for name, path in bundled_stories().items():
        (story,) = _read(path)
        if as_json:
            click.echo(json_line({"name": name, "title": story.title, "about": story.about, "file": str(path)}))
        else:
            _show_story(name, story)


def _show_story(name: str, story: Scenario) -> None:
    click.echo(click.style(name, bold=True))
    click.echo(_fitted(f"    {story.about}"))


@scenario.command()
def schema() -> None:
    """Print the JSON schema of a scenario file, for editors and other programs.

    \b
    Example:
      rescue scenario schema > scenario.schema.json
    """
    from rescue_emulator.scenarios.language import schema as scenario_schema

    click.echo(json.dumps(scenario_schema(), indent=2, ensure_ascii=False))


@scenario.command()
@click.argument("sessions", nargs=-1, metavar="[SESSION]...")
@click.option("--journal", type=INPUT_FILE, help="A recorded journal.")
@click.option("--title", default="Recorded", show_default=True, help="Title of the scenario.")
@click.option(
    "-o", "--output", type=click.Path(dir_okay=False, writable=True, path_type=Path), help="Where to write it."
)
@click.option("--server", type=SERVERS, metavar="HOST:PORT[,...]", help="Where the server is.")
@click.option("--data", metavar="DIR", help="State directory of the server.")
def record(
    sessions: Sequence[str],
    journal: Path | None,
    title: str,
    output: Path | None,
    server: str | None,
    data: str | None,
) -> None:
    """Make a scenario file of what people did by hand, in the named SESSIONs or in all.

    The events come from a running server, or from a journal that `rescue events --json` has printed.

    \b
    Example:
      rescue scenario record 1001 --title Printer --output story.yaml
    """
    from rescue_common.state_directory import NoAccess
    from rescue_emulator.scenarios.model import BadScenario
    from rescue_emulator.scenarios.recorder import read_journal, write_scenario
    from rescue_protos.errors import RescueError

    try:
        if journal is not None:
            lines = read_journal(journal.read_text(encoding="utf-8-sig"))
        else:
            lines = run_until_signalled(_journal(server, data))
        text = write_scenario(lines, sessions, title=title)
    except (BadScenario, NoAccess, RescueError, OSError, UnicodeDecodeError) as error:
        raise click.ClickException(str(error)) from None
    if output is None:
        click.echo(text, nl=False)
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise click.FileError(str(output), error.strerror) from None


async def _journal(server: str | None, data: str | None) -> list[Mapping[str, Any]]:
    from rescue_client.connection import NO_WAIT, Connection
    from rescue_client.journal import JournalClient

    async with Connection.find(user="admin", server=server, data=data, timeout=NO_WAIT) as connection:
        return [line.as_json() async for piece in JournalClient(connection).read() for line in piece.lines]


def _read(path: Path) -> tuple[Scenario, ...]:
    from rescue_emulator.scenarios.model import BadScenario
    from rescue_emulator.scenarios.reader import read_file

    try:
        return read_file(path)
    except BadScenario as error:
        raise click.ClickException(str(error)) from None


class _Run:
    """Plays scenarios one after another and prints each outcome; `outcomes` has those so far."""

    def __init__(
        self, *, lang: str, speed: float | None, seed: int | None, narrate: bool, step: bool, as_json: bool
    ) -> None:
        self._lang = lang
        self._speed = speed
        self._seed = seed
        self._narrate = narrate
        self._step = step
        self._as_json = as_json
        self.outcomes: list[Played] = []

    async def play(self, stories: Sequence[Scenario]) -> None:
        from rescue_emulator.scenarios.player import play_all
        from rescue_emulator.scenarios.stage import SCENARIO_TIMEOUT
        from rescue_emulator.world.world import World

        running = self._speed is not None
        await play_all(
            deque(stories),
            self._play_one,
            make_world=lambda: World(speed=self._speed, seed=self._seed),
            lang=self._lang,
            running=running,
            timeout=None if running or self._narrate else SCENARIO_TIMEOUT,
            on_new_world=lambda _, reason: click.echo(f"a new world is needed: {reason}", err=True),
        )

    async def _play_one(self, player: Player, story: Scenario) -> None:
        from rescue_emulator.scenarios.narrator import TerminalNarrator, find_reader

        narrator = None
        if self._narrate:
            ask = find_reader()
            narrator = TerminalNarrator(
                story, show=self._show, pause=0 if self._step and ask else 1, step=self._step, ask=ask
            )
            await narrator.begin()
        played = await player.play(story, narrator)
        if narrator is not None:
            narrator.end()
        self._print(played, blank_line=narrator is not None)
        self.outcomes.append(played)

    def _print(self, played: Played, *, blank_line: bool) -> None:
        from rescue_emulator.scenarios.results import as_json, name_of

        if self._as_json:
            click.echo(as_json(played))
            return
        story = played.scenario
        verdict = click.style("as told", fg="green") if played.ok else click.style("otherwise", fg="red")
        if blank_line:
            click.echo()
        click.echo(f"{verdict}  {name_of(story)}  ({story.source}, {played.seconds:.1f} s)")
        for deviation in played.deviations:
            click.echo(f"  {deviation}")
        if not played.ok:
            click.echo(f"  seed {played.seed}")
        if played.details:
            click.echo(played.details, err=True)

    def _show(self, text: str) -> None:
        click.echo(_fitted(text), err=self._as_json)
        sys.stdout.flush()


def _fitted(text: str) -> str:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    return wrapped(text, width) if width > _NARROWEST else text


def wrapped(text: str, width: int) -> str:
    """Break long lines between words, and indent the rest as the line's start."""
    lines = []
    for line in text.split("\n"):
        indent = line[: len(line) - len(line.lstrip())]
        lines += textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False) or [line]
    return "\n".join(lines)
