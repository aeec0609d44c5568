"""`rescue fault`: rules that let something fail at a chosen moment."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from rescue_common.terminal import safe
from rescue_emulator.cli.calls import connection_options, json_wanted, run_call
from rescue_emulator.cli.output import count, print_result

if TYPE_CHECKING:
    from rescue_client.faults import FaultRule


@click.group()
@connection_options
def fault() -> None:
    """Inject faults at a chosen moment.

    \b
    Examples:
      rescue fault add 'when any becomes Active: lan off for 40s'
      rescue fault list
    """


@fault.command()
@click.argument("rule")
@connection_options
def add(rule: str) -> None:
    """Arm RULE: [when MOMENT:] FAULT [at SESSION]. It fires once; durations are emulated time.

    \b
    MOMENT   1001 becomes Active [for alice]     any becomes Waiting
             1001 is Active                      also if it is Active already
             StartSession [of alice] is called [3 times]
    FAULT    lan off for 40s · lan flap 3s/2s ×4 · lan on     as in `rescue applet --help`
             kill applet                         the next one, while it reboots
             lose next [3] heartbeats            or: heartbeat replies
             fail next [3] StartSession [of alice] with UNAVAILABLE
             delay next [3] StartSession [of alice] by 2s
             lose next [3] replies of StartSession [of alice]
    when api METHOD: answer WORD · status 503 · delay 5s · cut     [x3]
    when post: answer 500 · cut                                    [x3]

    \b
    Examples:
      rescue fault add 'when 1001 becomes Active for alice: lan off for 40s'
      rescue fault add 'when 1001 is Rebooting: kill applet'
      rescue fault add 'lose next heartbeat reply at 1001'
      rescue fault add 'fail next 2 HoldSession of bob with UNAVAILABLE'
    """
    from rescue_client.faults import FaultClient

    added = run_call(lambda connection: FaultClient(connection).add(rule))
    print_result(added.as_json(), [_line(added)])


@fault.command("list")
@connection_options
def list_() -> None:
    """Show the rules and their states: armed, at work or spent.

    \b
    Example:
      rescue fault list --json
    """
    from rescue_client.faults import FaultClient

    rules = run_call(lambda connection: FaultClient(connection).all())
    as_json = json_wanted()
    for rule in rules:
        click.echo(json.dumps(rule.as_json(), ensure_ascii=False) if as_json else _line(rule))
    if not rules and not as_json:
        click.echo("there is no fault rule", err=True)


@fault.command()
@click.argument("number", type=click.IntRange(min=1), required=False)
@connection_options
def clear(number: int | None) -> None:
    """Remove rule NUMBER, or all rules. LAN faults that they caused stay: see `lan on`.

    \b
    Examples:
      rescue fault clear 1
      rescue fault clear
    """
    from rescue_client.faults import FaultClient

    removed = run_call(lambda connection: FaultClient(connection).clear(number or 0))
    print_result({"removed": removed}, [f"removed {count(removed, 'fault rule')}"])


def _line(rule: FaultRule) -> str:
    when = f" since {rule.fired_at:%Y-%m-%d %H:%M:%S}" if rule.fired_at else ""
    left = f", {rule.left} left" if rule.left else ""
    return f"{rule.number:>3}  {safe(rule.text)}  ({rule.state.replace('-', ' ')}{when}{left})"
