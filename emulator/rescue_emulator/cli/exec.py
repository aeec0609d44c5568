"""`rescue exec`: a server for the duration of a command, for test suites in any language.

The command's environment has RESCUE_SERVER (HOST:PORT), RESCUE_DATA (the state directory, with every user's secret) and
RESCUE_PID (the server's process), so that `rescue console alice` needs no options there. With --api it also has what
leads clients of the public API to the server. The exit status is that of the command.
"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import click

from rescue_common.cli_options import INPUT_FILE, SPEED
from rescue_common.signals import run_until_signalled


@click.command(context_settings={"ignore_unknown_options": True})
@click.option("--speed", type=SPEED, help="Emulated seconds per real second.")
@click.option("--running", is_flag=True, help="Let the clock run at real speed; without it, the clock is paused.")
@click.option("--organization", type=INPUT_FILE, help="TOML file.")
@click.option("--api", is_flag=True, help="Serve the public API, too, and lead its clients there.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="[--] COMMAND...")
def execute(
    *, speed: float | None, running: bool, organization: Path | None, api: bool, command: tuple[str, ...]
) -> int:
    """Run COMMAND with a server of its own, which ends with the command.

    \b
    COMMAND has in its environment
      RESCUE_SERVER   HOST:PORT of the server
      RESCUE_DATA     its state directory, with every user's secret
      RESCUE_PID      the server's process
    and with --api what `rescue api env --proxy` prints (RESCUE_API_URL, HTTPS_PROXY, ...), and the
    administrator's RESCUE_API_EMAIL and RESCUE_API_PASSWORD

    The exit status is that of COMMAND (128 and the signal's number if a signal ended it), 127 if there is no such
    program, 1 if the server could not be started.

    \b
    Examples:
      rescue exec -- rescue clock show
      rescue exec --speed 20 -- npm test
      rescue exec --api -- python wallboard.py
    """
    from rescue_common.processes.child import ProgramEnded

    try:
        return run_until_signalled(_execute(speed or (1 if running else None), organization, command, api=api))
    except (ProgramEnded, TimeoutError) as error:
        raise click.ClickException(f"the server could not be started: {error}") from None


async def _execute(speed: float | None, organization: Path | None, command: tuple[str, ...], *, api: bool) -> int:
    from rescue_common.extras import is_cryptography_installed
    from rescue_common.tls import VARIABLES
    from rescue_emulator.world.world import World

    proxy = api and is_cryptography_installed()
    if api and not proxy:
        click.echo("rescue exec: without the extra tls there is no proxy that leads the vendor's names here", err=True)
    options = ("--api-proxy", "127.0.0.1:0") if proxy else ()
    async with World(speed=speed, organization=organization, api=api, options=options) as world:
        # These variables would lead to another server, or would contradict the new ones.
        elsewhere = ("RESCUE_SECRET", "RESCUE_DATA", *VARIABLES)
        inherited = {name: value for name, value in os.environ.items() if name not in elsewhere}
        there = {"RESCUE_SERVER": world.address, "RESCUE_DATA": str(world.data), "RESCUE_PID": str(world.server.pid)}
        if api:
            user = await world.api.user("admin")
            there |= world.api.addresses.variables(proxy=proxy)
            there |= {"RESCUE_API_EMAIL": user.email, "RESCUE_API_PASSWORD": user.password}
        try:
            process = await asyncio.create_subprocess_exec(*command, env={**inherited, **there})
        except OSError as error:
            click.echo(f"rescue exec: {command[0]}: {error.strerror}", err=True)
            return 127 if isinstance(error, FileNotFoundError) else 126
        loop = asyncio.get_running_loop()
        # The terminal sends Ctrl-C to the command too. The command decides, and the server ends after it.
        loop.add_signal_handler(signal.SIGINT, lambda: None)
        for signum in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(signum, _pass_on, process, signum)
        status = await process.wait()
        return status if status >= 0 else 128 - status


def _pass_on(process: asyncio.subprocess.Process, signum: signal.Signals) -> None:
    if process.returncode is None:
        process.send_signal(signum)
