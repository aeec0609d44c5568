"""`rescue console`: the command line of the technician's console."""

from __future__ import annotations

import os

import click

from rescue_common.cli_options import SERVERS, tls_options
from rescue_common.exit_status import INTERRUPTED
from rescue_common.languages import LANGUAGES, language_of_environment


@click.command(name="console")
@click.argument("technician", metavar="TECHNICIAN")
@click.option("--json", "as_json", is_flag=True, help="Be driven by a script: commands in, JSON lines out.")
@click.option("--plain", is_flag=True, help="Commands at a prompt, also on a terminal that could show more.")
@click.option(
    "--lang",
    "language",
    type=click.Choice(LANGUAGES, case_sensitive=False),
    envvar=["RESCUE_CONSOLE_LANG", "RESCUE_LANG"],
    show_envvar=True,
    default=language_of_environment,
    show_default="the language of the environment",
    help="The language of statuses and commands.",
)
@tls_options
@click.option(
    "--server",
    type=SERVERS,
    metavar="HOST:PORT[,...]",
    help="Where the server is; else RESCUE_SERVER, else as in --data.",
)
@click.option("--data", metavar="DIR", help="The server's state directory; else RESCUE_DATA, else the user's.")
def console(technician: str, as_json: bool, plain: bool, language: str, server: str | None, data: str | None) -> None:
    """Show and drive the queue of TECHNICIAN: on the full screen of a terminal, else with commands on stdin.

    Where the server is and the technician's secret come from the state directory that the server keeps; from
    elsewhere, name the server and put the secret into RESCUE_SECRET.

    \b
    Examples:
      rescue console alice
      printf 'pin Joe\\nsync\\n' | rescue console alice --json
    """
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")  # gRPC tells stderr of each lost connection otherwise
    try:
        from rescue_console.front_end import run

        status = run(technician=technician, as_json=as_json, plain=plain, language=language, server=server, data=data)
    except KeyboardInterrupt:  # while the program was still being loaded
        status = INTERRUPTED
    raise SystemExit(status)


if __name__ == "__main__":
    console()
