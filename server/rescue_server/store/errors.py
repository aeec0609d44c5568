"""The errors of a store: one class for each thing that a caller can do about it.

StoreError
├── ConflictingRevision     the events do not continue the journal; nothing was stored
├── ConflictingAnswer       that request was answered before; nothing was stored
├── StoreFull               the disk is full; the store works again as soon as there is room
├── StoreUnavailable        the disk or the operating system failed; a retry may help
├── StoreClosed             used after close()
├── JournalUnreadable       not damaged, but this program does not understand an event in it
├── BackupUnsupported       a store in memory cannot be backed up
├── NoStore                 there is nothing to back up in that directory
├── BackupExists            there is a file where the backup is to go
├── DirectoryInUse          another server has the data directory
└── StoreUnusable           the file cannot be used; `found` says why, `remedy` what a person can do
    ├── StoreDamaged        part of it is missing or not what was written
    ├── StoreForeign        another program's database
    ├── StoreTooNew         written by a later version of this program
    ├── StoreOfCluster      made of a cluster's log, which a server alone does not follow
    └── BackupUnusable      a backup that cannot be restored; the store was left as it was
"""

from __future__ import annotations

from pathlib import Path


class StoreError(Exception):
    """A call to the store failed. The store holds what it held before the call, unless the error is uncertain."""


class ConflictingRevision(StoreError):
    """The events do not continue the journal: the next revision is `expected`, but `given` came."""

    def __init__(self, *, expected: int, given: int) -> None:
        super().__init__(f"the journal goes on with revision {expected}, not {given}")
        self.expected = expected
        self.given = given


class ConflictingAnswer(StoreError):
    """The request of that principal has an answer already."""

    def __init__(self, *, principal: str, request_id: str) -> None:
        super().__init__(f"request {request_id} of {principal} has been answered before")
        self.principal = principal
        self.request_id = request_id


class StoreFull(StoreError):
    """The disk is full. Reading works; writing works again, without reopening, once there is room."""

    def __init__(self, *, path: Path) -> None:
        super().__init__(f"{path}: the disk is full; nothing was stored. Make room, then try again")
        self.path = path


class StoreUnavailable(StoreError):
    """The disk or the operating system failed (`cause`).

    This process does not see the events of an append that failed. If the error `is_uncertain`, they may be on the disk:
    a server that dies before the next append then finds them, and their answers, after the restart.
    """

    def __init__(self, *, path: Path, cause: str, is_uncertain: bool = False) -> None:
        super().__init__(f"{path} cannot be used at the moment: {cause}")
        self.path = path
        self.cause = cause
        self.is_uncertain = is_uncertain


class StoreClosed(StoreError):
    """The store was closed before."""

    def __init__(self) -> None:
        super().__init__("the store is closed")


class JournalUnreadable(StoreError):
    """The event of that revision and stream cannot be understood (`why`): a later version wrote it, or a hand did."""

    def __init__(self, *, revision: int, stream: str, why: str) -> None:
        super().__init__(
            f"event {revision} of the journal ({stream}) means nothing to this program: {why}. Use the newer program"
            " that wrote it, or restore a backup with `rescue server --restore FILE`"
        )
        self.revision = revision
        self.stream = stream
        self.why = why


class BackupUnsupported(StoreError):
    """The store lives in memory alone."""

    def __init__(self) -> None:
        super().__init__("a store in memory cannot be backed up; start the server with a data directory")


class NoStore(StoreError):
    """No server has used that data directory."""

    def __init__(self, *, path: Path) -> None:
        super().__init__(f"there is no {path}: name the server's state directory with --data")
        self.path = path


class BackupExists(StoreError):
    """A backup never replaces a file."""

    def __init__(self, *, path: Path) -> None:
        super().__init__(f"{path} is there already: choose another name for the backup, or move that file away")
        self.path = path


class DirectoryInUse(StoreError):
    """Another process holds the data directory; `pid` is None if it has not written its pid yet."""

    def __init__(self, *, directory: Path, pid: int | None) -> None:
        who = "another process" if pid is None else f"process {pid}"
        super().__init__(
            f"{directory} is in use by {who}: stop that server first, or choose another directory with --data"
        )
        self.directory = directory
        self.pid = pid


class StoreUnusable(StoreError):
    """The file cannot serve as a store; it was left as it was found."""

    def __init__(self, *, path: Path, found: str, remedy: str) -> None:
        super().__init__(f"{path}: {found}. {remedy}")
        self.path = path
        self.found = found
        self.remedy = remedy


class StoreDamaged(StoreUnusable):
    """A part of the file is missing, or is not what was written."""

    def __init__(self, *, path: Path, found: str) -> None:
        remedy = (
            "Restore a backup with `rescue server --restore FILE`, or move the file away (with the -wal file"
            " beside it) to begin anew"
        )
        super().__init__(path=path, found=f"the store is damaged ({found})", remedy=remedy)


class StoreForeign(StoreUnusable):
    """A SQLite file of another program."""

    def __init__(self, *, path: Path) -> None:
        super().__init__(
            path=path,
            found="this is another program's database",
            remedy="Choose another directory with --data, or move the file away",
        )


class StoreTooNew(StoreUnusable):
    """The file has schema version `version`; this program knows versions up to `known`."""

    def __init__(self, *, path: Path, version: int, known: int) -> None:
        super().__init__(
            path=path,
            found=f"the store has version {version}, this program knows versions up to {known}",
            remedy="Use the newer program that wrote it, or restore a backup that is older",
        )
        self.version = version
        self.known = known


class StoreOfCluster(StoreUnusable):
    """The store of one of several servers: what a server alone stored in it, the others would never have."""

    def __init__(self, *, path: Path) -> None:
        super().__init__(
            path=path,
            found="this is the store of one of several servers",
            remedy="Give --cluster, or move it to a server alone with `rescue server backup FILE`, and --restore FILE"
            " with another --data",
        )


class BackupUnusable(StoreUnusable):
    """The backup cannot be restored."""

    def __init__(self, *, path: Path, found: str) -> None:
        super().__init__(path=path, found=found, remedy="Nothing was restored; choose another backup")
