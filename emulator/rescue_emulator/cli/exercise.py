"""`rescue exercise`: bring a session from one status to another in a console of one's own, and be judged."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from rescue_common.cli_options import INPUT_FILE, SERVERS, chosen_directory
from rescue_common.signals import Terminated, run_until_signalled
from rescue_emulator.cli.options import file_option, text_language
from rescue_emulator.cli.output import count, print_lines, write_text

if TYPE_CHECKING:
    from rescue_emulator.exercises.model import Exercise
    from rescue_emulator.exercises.progress import ProgressFile, Score
    from rescue_emulator.exercises.running import Where


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # containers run users without a name
        return f"user {os.getuid()}"


_person = click.option("--person", default=_user, help="Whose score; by default the user of this account.")
_data = click.option(
    "--data", type=click.Path(file_okay=False, path_type=Path), help="State directory for the server of the exercise."
)
_web = click.option("--web", metavar="HOST:PORT", help="Show the consoles in a browser, too.")
_server = click.option(
    "--server",
    type=SERVERS,
    metavar="HOST:PORT[,...]",
    help="Do it on the server that runs there, unseen by others; --data or RESCUE_SECRET has the admin's secret.",
)
_move_clock = click.option("--move-clock", is_flag=True, help="With --server: allow what moves everybody's clock.")
_predict = click.option(
    "--predict/--no-predict",
    default=None,
    help="Ask before the change which status follows.  [default: where there is nothing else for you to do]",
)


@click.group()
def exercise() -> None:
    """Exercises, one for each published status change: you act in your own console, the system plays the others.

    \b
    Examples:
      rescue exercise list
      rescue exercise start 14
    """


@exercise.command("list")
@text_language
@_person
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def list_exercises(lang: str, person: str, as_json: bool) -> None:
    """List the exercises; a ✓ is before those that you have solved.

    \b
    Example:
      rescue exercise list --lang nl
    """
    from rescue_emulator.exercises.model import row_exercises
    from rescue_emulator.exercises.progress import solved_exercises
    from rescue_emulator.exercises.texts import ExerciseTexts

    texts, solved = ExerciseTexts(lang), solved_exercises(_read_scores(person))
    for one in row_exercises():
        done = one.name in solved
        if as_json:
            scenario = one.scenario
            found = {"exercise": one.name, "start": scenario.start, "end": scenario.end, "trainee": one.trainee}
            print_lines([json.dumps({**found, "solved": done}, ensure_ascii=False)])
        else:
            print_lines([f"{'✓' if done else ' '} {texts.title(one)} ({one.trainee})"])


@exercise.command()
@click.argument("which", metavar="ROW|FILE")
@text_language
@_person
@_server
@_move_clock
@_data
@_web
@_predict
def start(
    which: str,
    lang: str,
    person: str,
    server: str | None,
    move_clock: bool,
    data: Path | None,
    web: str | None,
    predict: bool | None,
) -> int:
    """Do the exercise of ROW, or those of a FILE. Exit status 0 if all were solved.

    It prints how to open your console. h and Enter gives a hint, q and Enter stops.

    \b
    Examples:
      rescue exercise start 14
      rescue exercise start 12 --predict --lang nl
      rescue exercise start 14 --person ann --server 127.0.0.1:50051
    """
    _prepare(server)
    chosen, where = _chosen(which, lang), _where(server, data, web)
    if server is not None:
        for one in chosen:
            _require_room(one, moves_clock=move_clock)
    return _play(chosen, where, lang=lang, person=person, predict=predict)


@exercise.command("next")
@text_language
@_person
@_server
@_move_clock
@_data
@_web
@_predict
def next_exercise(
    lang: str,
    person: str,
    server: str | None,
    move_clock: bool,
    data: Path | None,
    web: str | None,
    predict: bool | None,
) -> int:
    """Do the first exercise of the table that you have not solved yet; with --server, that moves no clock.

    \b
    Example:
      rescue exercise next
    """
    _prepare(server)
    from rescue_emulator.exercises.model import row_exercises
    from rescue_emulator.exercises.progress import solved_exercises

    solved = solved_exercises(_read_scores(person))
    is_possible = server is None or move_clock
    left = [one for one in row_exercises() if one.name not in solved and (is_possible or not one.moves_clock)]
    if not left:
        click.echo("all exercises are solved" if is_possible else "all exercises that move no clock are solved")
        return 0
    return _play(left[:1], _where(server, data, web), lang=lang, person=person, predict=predict)


@exercise.command(hidden=True)
@text_language
@_person
def practice(lang: str, person: str) -> None:
    """Do exercises as a program that a console drives: lines in, JSON lines out.

    \b
    Example:
      rescue exercise practice --person alice
    """
    from rescue_console.terminal_input import typed_lines
    from rescue_emulator.exercises.practice_program import PracticeProgram

    _read_scores(person)

    async def lines() -> AsyncIterator[str]:
        async for typed in typed_lines():
            yield typed.line.decode(errors="replace")

    program = PracticeProgram(person=person, scores=_progress(), language=lang, show=lambda line: print_lines([line]))
    try:
        run_until_signalled(program.run(lines()))
    except Terminated:
        raise KeyboardInterrupt from None


@exercise.command()
@click.argument("files", nargs=-1, required=True, type=INPUT_FILE)
@text_language
def check(files: Sequence[Path], lang: str) -> int:
    """Check exercise FILES without playing them: scenario files with a `trainee`.

    \b
    Example:
      rescue exercise check exercise.yaml
    """
    from rescue_emulator.exercises.model import read_exercises
    from rescue_emulator.exercises.texts import ExerciseTexts
    from rescue_emulator.scenarios.flaw_texts import in_language
    from rescue_emulator.scenarios.model import BadScenario

    bad = 0
    for path in files:
        try:
            number = len(read_exercises(path))
            counted = "{file}: {number} exercise" if number == 1 else "{file}: {number} exercises"
            click.echo(ExerciseTexts(lang).text(counted, file=path, number=number))
        except BadScenario as error:
            bad += 1
            click.echo(in_language(str(error), lang), err=True)
    return 1 if bad else 0


@exercise.command()
@click.option("--person", default="", help="Only the scores of this person.")
@click.option("--format", "how", type=click.Choice(["text", "json", "csv", "junit"]), default="text", show_default=True)
def scores(person: str, how: str) -> None:
    """Print the scores that are kept: everybody's, or one person's.

    \b
    Example:
      rescue exercise scores --format csv
    """
    from rescue_emulator.exercises.progress import as_csv, as_junit

    found = _read_scores(person)
    match how:
        case "json":
            print_lines(json.dumps(asdict(score), ensure_ascii=False) for score in found)
        case "csv":
            click.echo(as_csv(found), nl=False)
        case "junit":
            click.echo(as_junit(found), nl=False)
        case _ if not found:
            print_lines(["no exercise has been done yet"])
        case _:
            print_lines(
                f"{score.at}  {score.person}: exercise {score.exercise} {'solved' if score.solved else 'not solved'}, "
                f"{score.wrong} wrong, {score.refused} refused, {count(score.hints, 'hint')}, "
                f"{score.right} of {score.questions} predicted"
                for score in found
            )


@exercise.command()
@text_language
@click.option("--person", default="", help="Only the progress of this person.")
@click.option("--format", "how", type=click.Choice(["text", "html"]), default="text", show_default=True)
@file_option("--output")
def progress(lang: str, person: str, how: str, file: Path) -> None:
    """Tell how everybody stands with the 62 changes, or one person: solved, with help, not yet, and what to repeat.

    The HTML page draws the changes in colours, patterns and signs.

    \b
    Examples:
      rescue exercise progress
      rescue exercise progress --format html --output progress.html
    """
    from rescue_emulator.exercises.progress_report import as_html, as_lines
    from rescue_emulator.exercises.standing import progress_of
    from rescue_emulator.exercises.texts import ExerciseTexts

    texts, scores = ExerciseTexts(lang), _read_scores(person)
    people = [progress_of(name, scores) for name in sorted({score.person for score in scores})]
    if how == "html":
        write_text(as_html(people, texts), file)
    else:
        lines = [line for one in people for line in as_lines(one, texts)] or [
            texts.text("No exercise has been done yet.")
        ]
        write_text("".join(f"{line}\n" for line in lines), file)


def _prepare(server: str | None) -> None:
    """Load the programs of an exercise while this process imports its own modules: that halves the wait."""
    from rescue_common.processes.child import prepare

    prepare(*(["rescue_server"] if server is None else []), "rescue_console", "rescue_applet")


def _chosen(which: str, lang: str) -> list[Exercise]:
    from rescue_emulator.exercises.model import read_exercises, row_exercise
    from rescue_emulator.scenarios.flaw_texts import in_language
    from rescue_emulator.scenarios.model import BadScenario
    from rescue_protos.status_table import read_rows

    if which.isdecimal():
        if not 1 <= int(which) <= len(read_rows()):
            raise click.BadParameter(f"there is no row {which}: the table has rows 1 to {len(read_rows())}")
        return [row_exercise(int(which))]
    try:
        return list(read_exercises(Path(which)))
    except BadScenario as error:
        raise click.ClickException(in_language(str(error), lang)) from None
    except OSError as error:
        raise click.BadParameter(f"{which}: {error.strerror or error} (a row is a number from 1 to 62)") from None


def _progress() -> ProgressFile:
    from rescue_emulator.exercises.progress import ProgressFile

    return ProgressFile(chosen_directory(None) / "scores")


def _read_scores(person: str) -> tuple[Score, ...]:
    from rescue_emulator.exercises.progress import BadPerson

    try:
        return _progress().read(person)
    except BadPerson as error:
        raise click.BadParameter(str(error), param_hint="--person") from None
    except OSError as error:
        raise click.ClickException(f"the scores cannot be read: {error}") from None


def _play(exercises: Sequence[Exercise], where: Where, *, lang: str, person: str, predict: bool | None) -> int:
    from rescue_common.processes.child import ProgramEnded
    from rescue_common.state_directory import NoAccess
    from rescue_common.tls import BadTls
    from rescue_emulator.exercises.coach import NotPlayed
    from rescue_emulator.exercises.running import ExerciseRun
    from rescue_emulator.exercises.texts import ExerciseTexts
    from rescue_protos.errors import RescueError

    texts = ExerciseTexts(lang)
    _read_scores(person)  # a bad name must be found before the exercise, not after it
    run = ExerciseRun(texts=texts, person=person, predict=predict, scores=_progress(), show=click.echo)
    try:
        solved = run_until_signalled(run.play(exercises, where))
    except Terminated:
        raise KeyboardInterrupt from None  # SIGTERM: the world was ended in order
    except NotPlayed as error:
        raise click.ClickException(texts.text(str(error))) from None
    except (ProgramEnded, TimeoutError) as error:
        raise click.ClickException(f"the programs could not be started: {error}") from None
    except (NoAccess, BadTls, RescueError) as error:
        raise click.ClickException(f"the server cannot be used: {error}") from None
    return 0 if solved else 1


def _where(server: str | None, data: Path | None, web: str | None) -> Where:
    from rescue_emulator.exercises.running import Where

    if server is not None and web is not None:
        raise click.UsageError("a server that runs already has pages of its own, or none: leave --web out")
    return Where(server=server, data=data, web=web)


def _require_room(one: Exercise, *, moves_clock: bool) -> None:
    """Refuse what would disturb the others on a shared server."""
    if one.restarts_server:
        raise click.UsageError(f"exercise {one.name} restarts the server: do it without --server")
    if one.moves_clock and not moves_clock:
        raise click.UsageError(
            f"exercise {one.name} moves the clock, which all on this server share: do it without --server, or add "
            "--move-clock while nobody else is at such an exercise"
        )
