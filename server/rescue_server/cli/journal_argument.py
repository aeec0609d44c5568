"""The argument JOURNAL of `rescue replay` and `rescue coverage`, and its errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click

JOURNAL = click.Path(path_type=Path, allow_dash=True, exists=True, dir_okay=False)


@contextmanager
def explained() -> Iterator[None]:
    """Turn what can be wrong with a journal into one line."""
    from rescue_server.replay.journal_file import BadJournal

    try:
        yield
    except BadJournal as error:
        raise click.ClickException(str(error)) from None
