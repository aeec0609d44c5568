"""The server's persistent state: events, answers to requests, and the clock.

`Store` is the protocol; `MemoryStore` and `SqliteStore` implement it; `errors` draws the tree of their errors. A server
holds the `DirectoryLock` of its data directory while it uses the store in that directory.
"""

from rescue_server.store.directory import DirectoryLock
from rescue_server.store.errors import (
    BackupExists,
    BackupUnsupported,
    BackupUnusable,
    ConflictingAnswer,
    ConflictingRevision,
    DirectoryInUse,
    JournalUnreadable,
    NoStore,
    StoreClosed,
    StoreDamaged,
    StoreError,
    StoreForeign,
    StoreFull,
    StoreTooNew,
    StoreUnavailable,
    StoreUnusable,
)
from rescue_server.store.files import STORE_FILE
from rescue_server.store.memory import MemoryStore
from rescue_server.store.online_backup import back_up
from rescue_server.store.protocol import ClockMark, Store, StoredAnswer, StoredEvent
from rescue_server.store.restoration import restore
from rescue_server.store.sqlite import SqliteStore

__all__ = [
    "STORE_FILE",
    "BackupExists",
    "BackupUnsupported",
    "BackupUnusable",
    "ClockMark",
    "ConflictingAnswer",
    "ConflictingRevision",
    "DirectoryInUse",
    "DirectoryLock",
    "JournalUnreadable",
    "MemoryStore",
    "NoStore",
    "SqliteStore",
    "Store",
    "StoreClosed",
    "StoreDamaged",
    "StoreError",
    "StoreForeign",
    "StoreFull",
    "StoreTooNew",
    "StoreUnavailable",
    "StoreUnusable",
    "StoredAnswer",
    "StoredEvent",
    "back_up",
    "restore",
]
