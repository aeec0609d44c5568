"""`rescue clock`: show and move the emulated time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from rescue_common.cli_options import POSITIVE_DURATION, SPEED
from rescue_common.emulated_time import END_OF_TIME
from rescue_emulator.cli.calls import connection_options, run_call
from rescue_emulator.cli.output import iso_time, print_result

if TYPE_CHECKING:
    from rescue_client.clock import ClockClient, ClockReading


@click.group(invoke_without_command=True)
@connection_options
@click.pass_context
def clock(ctx: click.Context) -> None:
    """Show, advance, speed up or pause the emulated time.

    \b
    Examples:
      rescue clock
      rescue clock advance 5m
    """
    if ctx.invoked_subcommand is None:
        _call_and_print(lambda client: client.show())


@clock.command("show")
@connection_options
def show() -> None:
    """Show the emulated time.

    \b
    Example:
      rescue clock show --json
    """
    _call_and_print(lambda client: client.show())


@clock.command()
@click.argument("duration", type=POSITIVE_DURATION)
@connection_options
def advance(duration: timedelta) -> None:
    """Move the time forward by DURATION (90s, 5m, 1h30m); whatever is due on the way happens.

    \b
    Example:
      rescue clock advance 1m30s
    """
    _call_and_print(lambda client: client.advance(duration))


@clock.command()
@click.argument("speed", type=SPEED, metavar="N")
@connection_options
def speed(speed: float) -> None:
    """Run N emulated seconds in each real second. This also ends a pause.

    \b
    Example:
      rescue clock speed 60
    """
    _call_and_print(lambda client: client.set_speed(speed))


@clock.command()
@connection_options
def pause() -> None:
    """Stop the clock; only `advance` moves it then.

    \b
    Example:
      rescue clock pause
    """
    _call_and_print(lambda client: client.pause())


def _call_and_print(work: Callable[[ClockClient], Awaitable[ClockReading]]) -> None:
    from rescue_client.clock import ClockClient

    found = run_call(lambda connection: work(ClockClient(connection)))
    pace = "paused" if found.paused else f"running at speed {found.speed:g}"
    if found.now >= END_OF_TIME:
        pace = "standing at the end of its calendar"
    print_result(
        {"now": iso_time(found.now), "speed": found.speed, "paused": found.paused},
        [f"{iso_time(found.now)}  {pace}"],
    )
