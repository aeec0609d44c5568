"""`rescue clock`: what people type, and what is printed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import click

from rescue_common.cli_options import SPEED
from rescue_common.durations import BadDuration, parse_duration
from rescue_emulator.cli.admin import reaching, run_call, show_result

if TYPE_CHECKING:
    from rescue_client.clock import ClockClient, ClockReading


def _read_duration(ctx: click.Context, param: click.Parameter, value: str) -> timedelta:
    try:
        found = parse_duration(value)
    except BadDuration as error:
        raise click.BadParameter(str(error), ctx, param) from None
    if not found:
        raise click.BadParameter("no time goes by (possible: 90s, 5m, 1h30m)", ctx, param)
    return found


@click.group(invoke_without_command=True)
@reaching
@click.pass_context
def clock(ctx: click.Context) -> None:
    """Show, advance, speed up or pause the emulated time.

    \b
    Examples:
      rescue clock
      rescue clock advance 5m
    """
    if ctx.invoked_subcommand is None:
        _clock(lambda client: client.show())


@clock.command("show")
@reaching
def show_clock() -> None:
    """Show the emulated time.

    \b
    Example:
      rescue clock show --json
    """
    _clock(lambda client: client.show())


@clock.command()
@click.argument("duration", callback=_read_duration)
@reaching
def advance(duration: timedelta) -> None:
    """Move the time forward by DURATION (90s, 5m, 1h30m), and let happen what falls due on the way.

    \b
    Example:
      rescue clock advance 1m30s
    """
    _clock(lambda client: client.advance(duration))


@clock.command()
@click.argument("speed", type=SPEED, metavar="N")
@reaching
def speed(speed: float) -> None:
    """Let N emulated seconds go by in a real one, also if the clock was paused.

    \b
    Example:
      rescue clock speed 60
    """
    _clock(lambda client: client.set_speed(speed))


@clock.command()
@reaching
def pause() -> None:
    """Let the time stand still, but for `advance`.

    \b
    Example:
      rescue clock pause
    """
    _clock(lambda client: client.pause())


def _clock(work: Callable[[ClockClient], Awaitable[ClockReading]]) -> None:
    from rescue_client.clock import ClockClient

    found = run_call(lambda caller: work(ClockClient(caller)))
    pace = "paused" if found.paused else f"running at speed {found.speed:g}"
    show_result(
        {"now": _instant(found.now), "speed": found.speed, "paused": found.paused},
        [f"{_instant(found.now)}  {pace}"],
    )


def _instant(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
