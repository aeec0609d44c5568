"""Calls to the server from a subcommand: the options that say where it is, and what errors become.

Results go to stdout, one JSON object with --json. Messages go to stderr. The client library, and gRPC with it, is
imported only when a command really calls the server.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from rescue_common.cli_options import SERVERS, tls_options
from rescue_common.signals import run_until_signalled
from rescue_common.terminal import safe

if TYPE_CHECKING:
    from rescue_client.connection import Connection

Command = TypeVar("Command", bound=Callable[..., Any])
Result = TypeVar("Result")


def connection_options(command: Command) -> Command:
    """Add the options that say which server to call, as which user, and how to print."""
    user = _shared("--user", default=None, help="Administrator to sign in as; admin if not given.")
    return server_options(user(command))


def server_options(command: Command) -> Command:
    """Add the options of a call that needs no user: which server to call, and how to print."""
    for option in (
        tls_options,
        _shared("--json", "json", is_flag=True, default=None, help="Print one JSON object a line."),
        _shared("--data", metavar="DIR", help="State directory of the server."),
        _shared("--server", type=SERVERS, metavar="HOST:PORT[,...]", help="Where the server is."),
    ):
        command = option(command)
    return command


def _shared(*names: str, **attributes: Any) -> Callable[[Command], Command]:
    return click.option(*names, expose_value=False, callback=_store_shared, **attributes)


def _store_shared(ctx: click.Context, param: click.Parameter, value: object) -> None:
    """Store a value for the whole call, so that the option may stand before or after the subcommand."""
    typed = ctx.get_parameter_source(str(param.name)) is click.core.ParameterSource.COMMANDLINE
    if value is not None and (typed or shared_option(str(param.name)) is None):
        ctx.meta[f"rescue.{param.name}"] = value


def shared_option(name: str) -> Any:
    """Return the value of one of the `connection_options`; None if it was not given."""
    return click.get_current_context().meta.get(f"rescue.{name}")


def json_wanted() -> bool:
    """Return True if the user asked for --json."""
    return bool(shared_option("json"))


def run_call(work: Callable[[Connection], Awaitable[Result]], *, timeout: timedelta = timedelta(0)) -> Result:
    """Connect as the options say and run calls; an error becomes one line and an exit status.

    `timeout` is how long, in real time, to wait for a server that cannot be reached.
    """
    from rescue_client.admin import InvalidSetting
    from rescue_client.connection import Connection
    from rescue_common.state_directory import NoAccess
    from rescue_common.tls import BadTls
    from rescue_protos.errors import RescueError, Unavailable

    user = shared_option("user") or "admin"
    where = {"server": shared_option("server"), "data": shared_option("data")}

    async def call() -> Result:
        async with Connection.find(user=user, **where, timeout=timeout) as connection:
            try:
                return await work(connection)
            except Unavailable as error:
                raise click.ClickException(f"the server at {connection.address} does not answer: {error}") from None

    try:
        return run_until_signalled(call())
    except InvalidSetting as error:
        raise click.UsageError(str(error)) from None
    except RescueError as error:
        wrong = [f"{name}: {why}" for name, why in error.fields.items() if why not in str(error)]
        raise click.ClickException(safe("; ".join([str(error), *wrong]))) from None
    except (NoAccess, BadTls) as error:
        raise click.ClickException(str(error)) from None
