"""`rescue class`: people who learn on one server, each with a code to join."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from rescue_common.cli_options import SERVERS, Duration, chosen_directory, tls_options
from rescue_emulator.cli.calls import connection_options, run_call, shared_option
from rescue_emulator.cli.options import file_option, text_language
from rescue_emulator.cli.output import count, print_result, write_text

if TYPE_CHECKING:
    from rescue_client.admin import AdminClient
    from rescue_client.connection import Connection
    from rescue_emulator.classroom.model import Classroom, Member
    from rescue_emulator.classroom.store import ClassStore

Result = TypeVar("Result")

_valid_for = click.option(
    "--valid-for",
    type=Duration(positive=True),
    default="12h",
    show_default=True,
    help="How long a code can be used for the first time, in real time.",
)


@click.group(name="class")
@connection_options
def classroom() -> None:
    """Teach a class on one server: each person joins with a code, and no group sees another.

    The class is kept in your state directory (--data). The people get their codes, and no secrets.

    \b
    Example:
      rescue class list
    """


@classroom.command()
@click.argument("name")
@click.option("--people", type=click.IntRange(1), metavar="N", help="How many people.")
@click.option(
    "--person", "persons", multiple=True, metavar="NAME", help="A person by name, instead of --people; repeatable."
)
@click.option("--group-size", default=1, show_default=True, help="How many people work together: 2 for pairs.")
@_valid_for
@click.option(
    "--web", default="", metavar="URL", help="Where people find the pages, for links; such as http://10.0.0.5:8080."
)
@connection_options
def new(name: str, people: int | None, persons: Sequence[str], group_size: int, valid_for: timedelta, web: str) -> None:
    """Make class NAME: people, their groups and channels, and a code for each person.

    If it was interrupted, the same command goes on.

    \b
    Examples:
      rescue class new monday --people 10 --group-size 2
      rescue class new tuesday --person Ann --person Ben --web http://127.0.0.1:8080
    """
    from rescue_emulator.classroom.model import plan
    from rescue_emulator.classroom.setting_up import require_free, set_up

    if (people is None) == (not persons):
        raise click.UsageError("say how many people there are with --people, or who with --person")
    store = _store()

    async def make(connection: Connection, admin: AdminClient) -> Classroom:
        planned = plan(name, people=people or persons, group_size=group_size, server=connection.address, web=web)
        if name in store.names():
            found = store.read(name)
            if found.is_ready:
                raise click.ClickException(f"there is a class {name!r} already: `rescue class end {name}` ends it")
            planned = found
        else:
            require_free(await admin.organization(), planned)
            store.write(planned)
        return await set_up(admin, planned, valid_for=valid_for, keep=store.write)

    made = _as_trainer(make)
    lines = [f"{member.person}: {member.code}" for member in made.members]
    print_result(_as_json(made), [*lines, f"class {name} is ready: `rescue class handout {name}` prints how to join"])


@classroom.command("list")
@connection_options
def list_classes() -> None:
    """List the classes of this state directory.

    \b
    Example:
      rescue class list
    """
    found = [_read(name) for name in _store().names()]
    print_result(
        {"classes": [one.name for one in found]},
        [
            f"{one.name}: {_counted(one)}" + ("" if one.is_ready else " (not ready: make it again to go on)")
            for one in found
        ],
    )


@classroom.command()
@click.argument("name")
@connection_options
def show(name: str) -> None:
    """Show who is in class NAME, who has joined, and the codes of the others.

    \b
    Example:
      rescue class show monday
    """
    found = _read(name)

    async def ask(connection: Connection, admin: AdminClient) -> set[str]:
        return {state.technician for state in await admin.join_codes() if state.used}

    joined = _as_trainer(ask)
    now, lines = datetime.now(UTC), []
    for member in found.members:
        is_late = member.valid_until is not None and member.valid_until < now
        state = (
            "has joined" if member.account in joined else "the code is too old" if is_late else f"code {member.code}"
        )
        lines.append(f"{member.person}: technician {member.account}, group {member.group}, {state}")
    print_result(_as_json(found, joined), [f"class {name}: {_counted(found)}", *lines])


@classroom.command()
@click.argument("name")
@click.option("--format", "how", type=click.Choice(["html", "text"]), default="text", show_default=True)
@click.option(
    "--web", default=None, metavar="URL", help="Where people find the pages; else as `rescue class new` was told."
)
@click.option(
    "--at",
    default=None,
    metavar="HOST:PORT",
    help="Where people's terminals find the server; else as you do, or where the pages are.",
)
@text_language
@file_option("--output")
@connection_options
def handout(name: str, how: str, web: str | None, at: str | None, lang: str, file: Path) -> None:
    """Write how each person joins class NAME, a cut-out for each: as text, or as a page to print.

    \b
    Examples:
      rescue class handout monday
      rescue class handout monday --format html --web http://127.0.0.1:8080 --output handout.html
    """
    from dataclasses import replace

    from rescue_emulator.classroom.handout import Handout
    from rescue_emulator.classroom.model import BadClass, check_web, for_terminals

    found = _read(name)
    try:
        check_web(web or "")
    except BadClass as error:
        raise click.BadParameter(str(error), param_hint="--web") from None
    pages = found.web if web is None else web.rstrip("/")
    found = replace(found, web=pages, server=at or for_terminals(found.server, pages))
    made = Handout(found, lang)
    write_text(made.as_html() if how == "html" else made.as_text(), file)


@classroom.command()
@click.argument("name")
@click.argument("person")
@_valid_for
@connection_options
def code(name: str, person: str, valid_for: timedelta) -> None:
    """Make a new code for PERSON of class NAME; the former one becomes invalid.

    \b
    Example:
      rescue class code monday monday-1a
    """
    from rescue_emulator.classroom.setting_up import with_new_code

    store, found = _store(), _read(name)
    member = _member(found, person)

    async def renew(connection: Connection, admin: AdminClient) -> str:
        renewed = await with_new_code(admin, member, valid_for=valid_for)
        store.write(found.with_member(renewed))
        return renewed.code

    made = _as_trainer(renew)
    print_result({"person": member.person, "code": made}, [f"{member.person}: {made}"])


@classroom.command()
@click.argument("name")
@click.option(
    "--format", "how", type=click.Choice(["text", "html", "csv", "json", "junit"]), default="text", show_default=True
)
@text_language
@file_option("--output")
@connection_options
def report(name: str, how: str, lang: str, file: Path) -> None:
    """Tell what class NAME has achieved, and which changes each person should look at again.

    HTML has a picture and a timeline for each person. CSV, JSON and JUnit have each attempt. It works also after the
    class has ended.

    \b
    Examples:
      rescue class report monday
      rescue class report monday --format html --output report.html
    """
    from rescue_emulator.classroom.report import ReportFormat, class_report
    from rescue_emulator.exercises.texts import ExerciseTexts

    store = _store()
    people = [member.person for member in _read(name).members] if name in store.names() else []
    try:
        scores = store.scores(name).read()
    except OSError as error:
        raise click.ClickException(f"the scores cannot be read: {error}") from None
    if not people and not scores:
        _read(name)  # says which classes there are
    write_text(class_report(name, people, scores, ReportFormat(how), ExerciseTexts(lang)), file)


@classroom.command()
@click.argument("name")
@click.argument("who", metavar="[GROUP|PERSON]", required=False)
@connection_options
def reset(name: str, who: str | None) -> None:
    """End the sessions of class NAME and clear its queues, or those of one GROUP, also by one PERSON of it.

    \b
    Examples:
      rescue class reset monday
      rescue class reset monday monday-1
    """
    from rescue_emulator.classroom.setting_up import reset as reset_groups

    found = _read(name)
    groups = found.groups if who is None else (who if who in found.groups else _member(found, who).group,)
    cleared = _as_trainer(lambda connection, admin: reset_groups(admin, found, groups))
    print_result(
        {"groups": list(groups), "sessions": cleared}, [f"cleared {count(cleared, 'session')} from the queues"]
    )


@classroom.command()
@click.argument("name")
@click.option("--with-scores", is_flag=True, help="Remove the scores, too.")
@connection_options
def end(name: str, with_scores: bool) -> None:
    """End class NAME: its sessions end, and its people, groups and channels are removed. The scores stay.

    \b
    Example:
      rescue class end monday
    """
    from rescue_emulator.classroom.setting_up import take_down

    store, found = _store(), _read(name)
    _as_trainer(lambda connection, admin: take_down(admin, found))
    store.remove(name)
    if with_scores:
        store.forget_scores(name)
    print_result({"ended": name}, [f"class {name} has ended"])


@classroom.command()
@click.argument("code")
@click.option("--plain", is_flag=True, help="Commands at a prompt, also on a terminal that could show more.")
@click.option("--json", "as_json", is_flag=True, help="Be driven by a script: commands in, JSON lines out.")
@text_language
@click.option(
    "--server", type=SERVERS, metavar="HOST:PORT", help="Where the server is; else RESCUE_SERVER, else as in --data."
)
@tls_options
@click.option("--data", metavar="DIR", help="State directory, where this program keeps what it joined with.")
def join(code: str, plain: bool, as_json: bool, lang: str, server: str | None, data: str | None) -> int:
    """Join with the CODE of your handout: opens your console. The code can be used again, but only from here.

    \b
    Example:
      rescue class join ABCD-EFGH --server 127.0.0.1:50051
    """
    from rescue_emulator.classroom.joining import open_console

    return open_console(code, plain=plain, as_json=as_json, language=lang, server=server, data=data)


def _store() -> ClassStore:
    from rescue_emulator.classroom.store import ClassStore

    return ClassStore(chosen_directory(shared_option("data")))


def _read(name: str) -> Classroom:
    from rescue_emulator.classroom.model import BadClass

    try:
        return _store().read(name)
    except BadClass as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"the class cannot be read: {error}") from None


def _member(found: Classroom, person: str) -> Member:
    from rescue_emulator.classroom.model import BadClass

    try:
        return found.member(person)
    except BadClass as error:
        raise click.BadParameter(str(error), param_hint="PERSON") from None


def _as_trainer(work: Callable[[Connection, AdminClient], Awaitable[Result]]) -> Result:
    from rescue_client.admin import AdminClient
    from rescue_emulator.classroom.model import BadClass
    from rescue_emulator.exercises.progress import BadPerson

    try:
        return run_call(lambda connection: work(connection, AdminClient(connection)))
    except (BadClass, BadPerson) as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"the class cannot be kept: {error}") from None


def _counted(found: Classroom) -> str:
    return f"{count(len(found.members), 'person').replace('persons', 'people')} in {count(len(found.groups), 'group')}"


def _as_json(found: Classroom, joined: set[str] | None = None) -> dict[str, object]:
    """Return a class without its secrets."""
    return {
        "class": found.name,
        "people": [
            {
                "person": member.person,
                "technician": member.account,
                "group": member.group,
                "code": member.code,
                "valid_until": member.valid_until.isoformat() if member.valid_until else None,
                **({"joined": member.account in joined} if joined is not None else {}),
            }
            for member in found.members
        ],
    }
