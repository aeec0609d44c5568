"""The command `rescue`: its subcommands, the sources of option values, and the exit status.

Each subcommand is an import string that is loaded only when it is used. So `rescue --help` and completion load none of
the programs, and nothing heavier than click (rich alone would double the time). The value of an option comes from the
first of these that has one: the command line, the environment (`RESCUE_CONSOLE_LANG`, then `RESCUE_LANG`), the
configuration file, the default.
"""

from __future__ import annotations

import errno
import os
import sys
from importlib import import_module
from typing import NoReturn

import click

from rescue_common.cli_options import refuse_other_encodings
from rescue_common.exit_status import INTERRUPTED, TERMINATED
from rescue_common.signals import Terminated, expect_children
from rescue_common.streams import OutputLost, flush_output, lost_output, prepare_streams
from rescue_emulator.cli.configuration import configured, name_environment

SUBCOMMANDS = {
    "server": ("rescue_server.__main__:server", "Run the session server."),
    "applet": ("rescue_applet.__main__:applet", "Run a customer's computer with its applet."),
    "console": ("rescue_console.__main__:console", "Run a technician's console."),
    "cluster": ("rescue_emulator.cli.cluster:cluster", "Run several servers on one log, or show them."),
    "admin": ("rescue_emulator.cli.admin:admin", "Change groups, technicians, channels, terms and time-outs."),
    "clock": ("rescue_emulator.cli.clock:clock", "Show, advance, speed up or pause the emulated time."),
    "fault": ("rescue_emulator.cli.fault:fault", "Inject faults at a chosen moment."),
    "posts": ("rescue_emulator.cli.posts:posts", "Show what is posted of sessions (Post to URL)."),
    "reset": ("rescue_emulator.cli.reset:reset", "End all sessions and clear all queues."),
    "why": ("rescue_emulator.cli.why:why", "Explain why a session has its status."),
    "events": ("rescue_emulator.cli.events:events", "Print or follow the journal."),
    "health": ("rescue_emulator.cli.health:health", "Ask the server whether it accepts calls."),
    "doctor": ("rescue_emulator.cli.doctor:doctor", "Check this installation, and say how to mend it."),
    "wait": ("rescue_emulator.cli.wait:wait", "Wait until a queue shows a status."),
    "coverage": (
        "rescue_server.cli.coverage:coverage",
        "Report which published changes recorded runs have exercised.",
    ),
    "replay": ("rescue_server.cli.replay:replay", "Play a recorded journal back, or check it."),
    "scenario": ("rescue_emulator.cli.scenario:scenario", "Play, check or record stories from files."),
    "exercise": ("rescue_emulator.cli.exercise:exercise", "Learn the status changes by bringing them about."),
    "class": ("rescue_emulator.cli.classroom:classroom", "Teach a class: each person joins with a code."),
    "exec": ("rescue_emulator.cli.exec:execute", "Run a command with a server of its own."),
    "timeline": ("rescue_emulator.cli.timeline:timeline", "Draw a session's timeline as SVG."),
    "docs": ("rescue_emulator.cli.docs:docs", "Print parts of the documentation."),
    "api": ("rescue_emulator.cli.api:api", "Lead clients of the vendor's public API to the emulator."),
    "web": ("rescue_web.__main__:web", "Serve the consoles to browsers."),
    "demo": ("rescue_emulator.cli.demo:demo", "Play a support call, and show the queues as they change."),
    "conformance": (
        "rescue_emulator.cli.conformance:conformance",
        "Play each published status change with real programs.",
    ),
}
BRIEFLY = ("cluster", "coverage", "replay", "timeline", "docs", "completion")
"""Those that few people need, or need once: the help gives their names only."""

SHELLS = ("bash", "zsh", "fish")
NOT_ON_WINDOWS = (
    "the programs need process groups and signals, which Windows does not have: run them in WSL, "
    "Linux or macOS. The client library (import rescue_client) works on Windows, too"
)
_COMPLETION = "Print the completion script of a shell."


class LazyGroup(click.Group):
    """A group that loads a subcommand when it is used; until then it knows only the help line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the subcommands in the order of the table, which begins with the programs."""
        return [*SUBCOMMANDS, "completion"]

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a help that fits a screen of 24 lines: one line for each command, and the options in the usage line."""
        formatter.write_usage("rescue", "[--config FILE] [--version] [-h|--help] COMMAND [ARGS]...")
        formatter.write_paragraph()
        told = [(name, text) for name, (_, text) in SUBCOMMANDS.items() if name not in BRIEFLY]
        formatter.write_dl([*told, ("also", ", ".join(BRIEFLY))])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name, command, rest = super().resolve_command(ctx, args)
        if name in SUBCOMMANDS:
            command = load(name)
        return name, command, rest


def load(name: str) -> click.Command:
    """Import a subcommand and name its options' environment variables."""
    module, _, attribute = SUBCOMMANDS[name][0].partition(":")
    command: click.Command = getattr(import_module(module), attribute)
    name_environment(command, prefix=f"RESCUE_{name.upper()}_")
    refuse_other_encodings(command)
    return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="rescue-emulator", prog_name="rescue")
@click.option(
    "--config",
    type=click.Path(dir_okay=False, exists=True),
    envvar="RESCUE_CONFIG",
    help="TOML file with options; without it, the file of the user.",
)
@click.pass_context
def rescue(ctx: click.Context, config: str | None) -> None:
    """Emulate LogMeIn Rescue: a session server, customers' computers, technicians' consoles."""
    if sys.platform == "win32":
        raise click.ClickException(NOT_ON_WINDOWS)
    if os.environ.get("NO_COLOR"):
        ctx.color = False
    name = ctx.invoked_subcommand
    if name in SUBCOMMANDS:
        ctx.default_map = {name: configured(name, load(name), given=config)}


@rescue.command(short_help=_COMPLETION)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print the completion script of a shell; for bash: eval "$(rescue completion bash)"."""
    from click.shell_completion import get_completion_class

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    click.echo(found(rescue, {}, "rescue", "_RESCUE_COMPLETE").source())


for _name, (_, _help) in SUBCOMMANDS.items():
    rescue.add_command(click.Command(_name, short_help=_help))


def main() -> NoReturn:
    """Run `rescue` with the process's arguments and end the process.

    Exit status 0 done, 1 failed, 2 wrong usage, 130 interrupted. A subcommand may return its status.
    """
    expect_children()
    prepare_streams(data="--json" in sys.argv or sys.argv[1:2] == ["docs"])
    try:
        status = _run()
        flush_output()
    except OutputLost as lost:
        if not lost.reader_is_gone:  # a reader that has read enough, such as `head`, is no news
            click.echo(f"Error: {lost}", err=True)
        status = 1
    sys.exit(status)


def _run() -> int:
    try:
        result = rescue.main(prog_name="rescue", standalone_mode=False)
    except click.ClickException as error:
        error.show()  # one plain line: a panel would break a message that a script looks for
        return error.exit_code
    except (click.Abort, KeyboardInterrupt) as stop:
        cause = stop if isinstance(stop, KeyboardInterrupt) else stop.__context__
        if isinstance(cause, Terminated):
            return TERMINATED
        return INTERRUPTED if isinstance(cause, KeyboardInterrupt) else 1
    except OSError as error:
        if error.filename is not None or error.errno not in (errno.EPIPE, errno.ENOSPC):
            raise
        raise lost_output(error) from None
    return result if isinstance(result, int) else 0
