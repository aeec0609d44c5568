"""What happened in a torture run, as those saw it who took part: the only thing that the checker is given.

Nothing is judged here. Real times are seconds of one monotonic clock, `moment()`.
"""

from __future__ import annotations

import hashlib
import shutil
import sys
import tempfile
import time
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from rescue_server.store import STORE_FILE, SqliteStore, StoredEvent

moment = time.monotonic


class Outcome(StrEnum):
    """What came of a command. Unknown: it may have been carried out or not."""

    ANSWERED = "answered"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """A technician's command. `token` is a text that nothing but its effect carries; a retry has the same id."""

    request: str
    technician: str
    kind: str
    session: str = ""
    token: str = ""
    invoked: float
    outcome: Outcome
    code: str = ""
    revision: int = 0
    answered: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a console was told: "snapshot" (with the queue's statuses), "delta" or "bookmark"."""

    kind: str
    revision: int
    session: str = ""
    previous: str | None = None
    status: str | None = None  # None if it did not change
    queue: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True, kw_only=True)
class Console:
    """One console's life. `statuses_only` if it does not tell other changes; `synced`: it had shown all up to there."""

    name: str
    technician: str
    statuses_only: bool = False
    killed: bool = False
    synced: int | None = None
    seen: list[Seen] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """A death of the server and what was found in its store before it came back."""

    died: float
    last_revision: int
    digest: str
    answers: frozenset[str]


@dataclass(slots=True, kw_only=True)
class History:
    """Everything. `journal` and `clock` are those at the very end; `silenced` are sessions whose applet or network
    was harmed at any time, `alive` those whose applet runs and is on the network at the end. `pauses`, `disk_errors`
    and `jumps` count the trouble with the machine.
    """

    seed: int
    commands: list[Command] = field(default_factory=list)
    consoles: list[Console] = field(default_factory=list)
    restarts: list[Restart] = field(default_factory=list)
    kills: int = 0
    silenced: set[str] = field(default_factory=set)
    alive: set[str] = field(default_factory=set)
    dead: set[str] = field(default_factory=set)
    journal: list[StoredEvent] | None = None
    answers: dict[str, int] = field(default_factory=dict)  # request id: revision
    clock: datetime | None = None
    exits: list[int] = field(default_factory=list)  # of servers that were asked to stop
    stuck: list[int] = field(default_factory=list)  # after how many deaths a server answered nobody any more
    edge_deaths: int = 0  # of servers that followed
    node_kills: int = 0  # of the engine's nodes
    pauses: int = 0
    disk_errors: int = 0
    jumps: int = 0  # of the machine's wall clock


def digest(events: Iterable[StoredEvent]) -> str:
    """Return what tells this beginning of a journal from any other."""
    found = hashlib.sha256()
    for event in events:
        found.update(f"{event.revision} {event.stream} ".encode() + event.body)
    return found.hexdigest()


def read_store(data: Path) -> tuple[list[StoredEvent], dict[str, int], datetime | None]:
    """Read a store whose server is down, from a copy: the server is to find it as it left it."""
    with tempfile.TemporaryDirectory(prefix="rescue-torture-") as scratch:
        for name in (STORE_FILE, f"{STORE_FILE}-wal"):
            if (data / name).exists():
                shutil.copyfile(data / name, Path(scratch) / name)
        with closing(SqliteStore.open(Path(scratch) / STORE_FILE)) as store:
            rows = store._connection.execute("SELECT request_id, revision FROM answer").fetchall()
            mark = store.clock()
            return list(store.read()), {sys.intern(row[0]): row[1] for row in rows}, mark.now if mark else None
