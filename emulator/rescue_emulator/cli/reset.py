"""`rescue reset`: end all sessions and clear all queues."""

from __future__ import annotations

import click

from rescue_emulator.cli.calls import connection_options, run_call
from rescue_emulator.cli.output import count, print_result


@click.command()
@connection_options
def reset() -> None:
    """End all sessions and clear all queues, for a new lesson.

    People, secrets and settings stay, and so does the journal. Consoles stay open. On the customers' computers the
    session ends.

    \b
    Examples:
      rescue reset
      rescue reset --json
    """
    from rescue_client.admin import AdminClient

    done = run_call(lambda connection: AdminClient(connection).reset_sessions())
    found = {"revision": done.revision, "sessions": done.sessions}
    print_result(found, [f"cleared {count(done.sessions, 'session')} from all queues"])
