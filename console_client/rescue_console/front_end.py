"""Running a console as a program: finding the server, signals, exit statuses.

0 done (also when SIGTERM ends it, or when nobody reads the output any more), 1 failed with one line on
stderr, 130 interrupted.
"""

from __future__ import annotations

import os
import sys

from rescue_client.connection import Connection
from rescue_client.console import ConsoleClient
from rescue_common.exit_status import INTERRUPTED
from rescue_common.extras import is_textual_installed
from rescue_common.signals import Terminated, run_until_signalled
from rescue_common.state_directory import NoAccess
from rescue_common.tls import BadTls
from rescue_console.labels import Labels
from rescue_protos.errors import RescueError

FAILED = 1


def run(*, technician: str, as_json: bool, plain: bool, language: str, server: str | None, data: str | None) -> int:
    """Run the console that fits until it ends, and return its exit status.

    On a terminal that is the full-screen one, unless `plain`, and if Textual is installed.
    """
    face = "json" if as_json else _front_end(plain=plain, language=language)
    try:
        status = run_until_signalled(_console(technician, face, language, server, data))
    except Terminated:
        status = 0
    except KeyboardInterrupt:
        status = INTERRUPTED
    except BrokenPipeError:
        _discard_output()
        status = 0
    except NoAccess as error:
        status = _fail(error.code, str(error), as_json=as_json)
    except BadTls as error:
        status = _fail("UNAVAILABLE", str(error), as_json=as_json)
    except RescueError as error:
        status = _fail(error.code, str(error) or error.code, as_json=as_json)
    return status


def _front_end(*, plain: bool, language: str) -> str:
    """Return "full" where the full-screen console can be shown, else "plain"."""
    # Textual draws on stderr.
    on_terminal = sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()
    if plain or not on_terminal or os.environ.get("TERM", "dumb") == "dumb":
        return "plain"
    if not is_textual_installed():
        hint = "The full-screen console needs Textual: pip install 'rescue-emulator[tui]'. Here is the plain one."
        print(Labels.of(language).text(hint), file=sys.stderr)
        return "plain"
    return "full"


async def _console(technician: str, face: str, language: str, server: str | None, data: str | None) -> int:
    labels = Labels.of(language)
    async with Connection.find(user=technician, server=server, data=data) as connection:
        client = ConsoleClient(connection)
        if face == "json":
            from rescue_console.headless import ScriptedConsole

            await ScriptedConsole(client, labels=labels).run()
        elif face == "full":
            from rescue_console.tui.app import run as run_full_screen

            return await run_full_screen(client, labels=labels)
        else:
            from rescue_console.plain import PlainConsole

            await PlainConsole(client, labels=labels).run()
    return 0


def _fail(code: str, message: str, *, as_json: bool) -> int:
    one_line = " ".join(message.split())
    if as_json:
        from rescue_console import json_lines

        try:
            sys.stdout.write(json_lines.encode(json_lines.failure(code, one_line)))
            sys.stdout.flush()
        except BrokenPipeError:
            _discard_output()
    from rescue_common.terminal import safe

    print(f"rescue console: {safe(one_line)}", file=sys.stderr)
    return FAILED


def _discard_output() -> None:
    # Python flushes stdout once more when it ends, and would complain.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
