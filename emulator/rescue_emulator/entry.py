"""Where `rescue` begins: Ctrl-C ends it in order, also while its modules are still being imported."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run `rescue`, as `rescue_emulator.cli.main` says. Exit status 130 if Ctrl-C comes before that has begun."""
    try:
        from rescue_emulator.cli.main import main as run

        run()
    except KeyboardInterrupt:
        sys.exit(130)  # `rescue_common.exit_status` may not be imported yet
