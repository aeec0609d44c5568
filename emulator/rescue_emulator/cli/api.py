"""`rescue api`: how clients of the vendor's public API are led to the emulator."""

from __future__ import annotations

import shlex

import click

from rescue_common.cli_options import chosen_directory
from rescue_emulator.cli.calls import connection_options, json_wanted, run_call, shared_option
from rescue_emulator.cli.output import json_line, print_lines, print_result


@click.group()
@connection_options
def api() -> None:
    """Lead clients of the vendor's public API to the emulator.

    \b
    Examples:
      rescue api env
      rescue api users
    """


@api.command()
@click.option("--proxy", is_flag=True, help="Also the variables that lead the vendor's own names to the emulator.")
@connection_options
def env(*, proxy: bool) -> None:
    """Print the environment variables that clients need; eval "$(rescue api env)" sets them in a shell.

    \b
    Example:
      rescue api env
    """
    from rescue_common.api_addresses import ApiAddresses

    directory = chosen_directory(shared_option("data"))
    found = ApiAddresses.read(directory)
    if not found.url:
        raise click.ClickException(f"the server of {directory} has no public API: start it with --api HOST:PORT")
    if proxy and not found.api_proxy:
        raise click.ClickException(f"the server of {directory} has no proxy: start it with --api-proxy HOST:PORT")
    variables = found.variables(proxy=proxy)
    print_result(variables, [f"export {name}={shlex.quote(value)}" for name, value in variables.items()])


@api.command()
@connection_options
def users() -> None:
    """List who can use the API: e-mail address, node id and kind.

    \b
    Example:
      rescue api users --json
    """
    from rescue_client.api import read_account

    account = run_call(read_account)
    rows = [
        {"email": one.email, "node": one.node, "kind": "technician" if one.is_technician else "administrator"}
        for one in account.people
    ]
    if json_wanted():
        print_lines(map(json_line, rows))
    else:
        width = max(len(str(row["email"])) for row in rows)
        print_lines(f"{row['email']:{width}}  {row['node']}  {row['kind']}" for row in rows)
