"""`rescue admin`: what people type, and what is printed; and what all commands that call the server share.

Results go to stdout, one JSON object with --json; what was done goes to stderr. The clients, and gRPC with
them, are imported when a command really calls.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rescue_common.cli_options import tls_options
from rescue_common.terminal import safe

if TYPE_CHECKING:
    from rescue_client.admin import AdminClient, Done, Organization
    from rescue_client.connection import Connection

Command = TypeVar("Command", bound=Callable[..., Any])
Result = TypeVar("Result")
_NEVER = {"waiting-timeout", "idle-timeout"}


def _remember(ctx: click.Context, param: click.Parameter, value: object) -> None:
    """Keep a value for the whole call, so that an option may stand before or after the subcommand."""
    typed = ctx.get_parameter_source(str(param.name)) is click.core.ParameterSource.COMMANDLINE
    if value is not None and (typed or kept(ctx, str(param.name)) is None):
        ctx.meta[f"rescue.{param.name}"] = value


def kept(ctx: click.Context, name: str) -> Any:
    """Return what an option of `reaching` says for the whole call; None if it was not given."""
    return ctx.meta.get(f"rescue.{name}")


def reaching(command: Command) -> Command:
    """Add the options that say which server, as whom, and how to print."""
    keep = partial(click.option, expose_value=False, callback=_remember)
    for option in (
        tls_options,
        keep("--json", "json", is_flag=True, default=None, help="Print one JSON object a line."),
        keep("--user", default=None, help="Administrator to sign in as; admin if not given."),
        keep("--data", metavar="DIR", help="State directory of the server."),
        keep("--server", metavar="HOST:PORT", help="Where the server is."),
    ):
        command = option(command)
    return command


@click.group()
@reaching
def admin() -> None:
    """Change groups, technicians, channels, terms and time-outs.

    \b
    Examples:
      rescue admin show
      rescue admin set group:Support idle-timeout=5m
    """


@admin.command()
@reaching
def show() -> None:
    """Show groups, technicians, channels and settings.

    \b
    Example:
      rescue admin show --json
    """
    found = _as_administrator(lambda client: client.organization())
    show_result(_organization(found), _organization_lines(found))


@admin.command("set")
@click.argument("owner")
@click.argument("settings", nargs=-1, required=True, metavar="SETTING=VALUE...")
@reaching
def set_(owner: str, settings: Sequence[str]) -> None:
    """Change settings of OWNER, group:NAME or channel:NAME.

    \b
    private-code-validity, connecting-timeout   1m to 999m
    waiting-timeout, idle-timeout               1m to 999m, 0 is never
    reconnect-period 2s to 999m, offline-period 1s to 999m, heartbeat-interval 1s to 10m
    terms                                       a text; terms= removes them

    \b
    Examples:
      rescue admin set group:Support idle-timeout=1m terms='We see your screen.'
      rescue admin set channel:Web waiting-timeout=0
    """
    changes = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not equals:
            raise click.UsageError(f"{setting!r} is no setting: write SETTING=VALUE, for example idle-timeout=5m")
        changes[name] = value
    found = _as_administrator(lambda client: client.change_settings(owner, changes)).written()
    show_result({"owner": owner, "settings": found}, [f"{owner} {name}={found[name]}" for name in changes])


@admin.group()
@reaching
def add() -> None:
    """Add a group, technician, channel or administrator.

    \b
    Example:
      rescue admin add technician erin --group Support
    """


def _show_secret(command: Command) -> Command:
    return click.option("--show-secret", is_flag=True, help="Print the new secret.")(command)


@add.command("group")
@click.argument("name")
@reaching
def add_group(name: str) -> None:
    """Add a technician group.

    \b
    Example:
      rescue admin add group Printers
    """
    done = _as_administrator(lambda client: client.add_group(name))
    _done(done, f"added group {name}", group=name)


@add.command("technician")
@click.argument("name")
@click.option("--group", required=True, help="His technician group.")
@_show_secret
@reaching
def add_technician(name: str, group: str, show_secret: bool) -> None:
    """Add a technician. The server keeps his secret in its state directory.

    \b
    Example:
      rescue admin add technician frank --group Support --show-secret
    """
    done = _as_administrator(lambda client: client.add_technician(name, group=group))
    _done(done, f"added technician {name} to {group}", show_secret, technician=name, group=group)


@add.command("channel")
@click.argument("name")
@click.option("--group", "groups", required=True, multiple=True, help="A group that serves it; repeatable.")
@reaching
def add_channel(name: str, groups: Sequence[str]) -> None:
    """Add a channel.

    \b
    Example:
      rescue admin add channel Shop --group Support --group Network
    """
    done = _as_administrator(lambda client: client.add_channel(name, groups=groups))
    _done(done, f"added channel {name}, served by {', '.join(groups)}", channel=name, groups=list(groups))


@add.command("administrator")
@click.argument("name")
@_show_secret
@reaching
def add_administrator(name: str, show_secret: bool) -> None:
    """Add an administrator. The server keeps the secret in its state directory.

    \b
    Example:
      rescue admin add administrator grace
    """
    done = _as_administrator(lambda client: client.add_administrator(name))
    _done(done, f"added administrator {name}", show_secret, administrator=name)


@admin.group()
@reaching
def move() -> None:
    """Move a technician.

    \b
    Example:
      rescue admin move technician bob --group Network
    """


@move.command("technician")
@click.argument("name")
@click.option("--group", required=True, help="His new technician group.")
@reaching
def move_technician(name: str, group: str) -> None:
    """Move a technician to another group.

    \b
    Example:
      rescue admin move technician carol --group Network
    """
    done = _as_administrator(lambda client: client.move_technician(name, group=group))
    _done(done, f"moved technician {name} to {group}", technician=name, group=group)


@admin.group()
@reaching
def remove() -> None:
    """Remove a technician.

    \b
    Example:
      rescue admin remove technician frank
    """


@remove.command("technician")
@click.argument("name")
@reaching
def remove_technician(name: str) -> None:
    """Remove a technician who takes part in no session.

    \b
    Example:
      rescue admin remove technician erin
    """
    done = _as_administrator(lambda client: client.remove_technician(name))
    _done(done, f"removed technician {name}", technician=name)


@admin.command("renew-secret")
@click.argument("name", metavar="USER")
@_show_secret
@reaching
def renew_secret(name: str, show_secret: bool) -> None:
    """Make a new secret for a technician or administrator; the old one is void.

    \b
    Example:
      rescue admin renew-secret dave --show-secret
    """
    done = _as_administrator(lambda client: client.renew_secret(name))
    _done(done, f"renewed the secret of {name}", show_secret, user=name)


def _as_administrator(work: Callable[[AdminClient], Awaitable[Result]]) -> Result:
    from rescue_client.admin import AdminClient

    return run_call(lambda connection: work(AdminClient(connection)))


def run_call(work: Callable[[Connection], Awaitable[Result]], *, patience: timedelta = timedelta(0)) -> Result:
    """Run calls as the options say, and turn what can go wrong into one line and an exit status.

    `patience` is for how long, in real time, a server that is away is waited for.
    """
    from rescue_client.admin import BadSetting
    from rescue_client.connection import Connection
    from rescue_common.state_directory import NoAccess
    from rescue_common.tls import BadTls
    from rescue_protos.errors import RescueError, Unavailable

    ctx = click.get_current_context()

    async def call() -> Result:
        user = kept(ctx, "user") or "admin"
        where = {"server": kept(ctx, "server"), "data": kept(ctx, "data")}
        async with Connection.find(user=user, **where, timeout=patience) as connection:
            try:
                return await work(connection)
            except Unavailable as error:
                raise click.ClickException(f"the server at {connection.address} does not answer: {error}") from None

    try:
        return asyncio.run(call())
    except BadSetting as error:
        raise click.UsageError(str(error)) from None
    except RescueError as error:
        wrong = [f"{name}: {why}" for name, why in error.fields.items() if why not in str(error)]
        raise click.ClickException(safe("; ".join([str(error), *wrong]))) from None
    except (NoAccess, BadTls) as error:
        raise click.ClickException(str(error)) from None


def _done(done: Done, text: str, show_secret: bool = False, **what: object) -> None:
    click.echo(text, err=True)
    shown = {"secret": done.secret} if show_secret else {}
    show_result({**what, "revision": done.revision, **shown}, list(shown.values()))


def show_result(as_json: dict[str, object], lines: Sequence[str]) -> None:
    """Print one JSON object, or the lines for people, as --json says."""
    if kept(click.get_current_context(), "json"):
        lines = [json.dumps(as_json, ensure_ascii=False)]
    for line in lines:
        click.echo(line)


def _organization(found: Organization) -> dict[str, object]:
    return {
        "revision": found.revision,
        "groups": [
            {"name": g.name, "technicians": g.technicians, "settings": g.settings.written()} for g in found.groups
        ],
        "channels": [{"name": c.name, "groups": c.groups, "settings": c.settings.written()} for c in found.channels],
        "administrators": found.administrators,
    }


def _organization_lines(found: Organization) -> list[str]:
    lines = []
    owners = [(f"group:{g.name}", g.technicians, g.settings) for g in found.groups]
    owners += [(f"channel:{c.name}", c.groups, c.settings) for c in found.channels]
    for owner, members, settings in owners:
        lines.append(f"{click.style(owner, bold=True)}  {', '.join(members)}")
        for name, value in settings.written().items():
            text = "never" if name in _NEVER and not settings.periods[name] else value
            lines.append(f"  {name:<22} {safe(' '.join(text.split())) or '(none)'}")
    return [*lines, f"{click.style('administrators', bold=True)}  {', '.join(found.administrators)}"]
