"""The client library: talk to a session server from Python.

    import asyncio
    from rescue_client import ConsoleClient, FailedPrecondition, connect

    async def main() -> None:
        async with connect("alice") as connection:
            console = ConsoleClient(connection)
            created = await console.create_pin("Ms Vos")
            try:
                await console.start(created.session)
            except FailedPrecondition as error:
                print(error, error.allowed)

    asyncio.run(main())

`connect` finds the server and the user's secret. `ConsoleClient` gives a technician's commands and watches the queue;
`QueueView` computes the queue from the updates. `AdminClient`, `ClockClient`, `FaultClient`, `JournalClient` and
`OverviewClient` take the same connection. Records are plain data. Every call raises `RescueError`; its classes are
named after gRPC's status codes (see `rescue_protos.errors`).

What `__all__` lists is public. A name is imported when it is used first, so that `import rescue_client` is cheap.
"""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rescue_client.admin import AdminClient as AdminClient
    from rescue_client.admin import Channel as Channel
    from rescue_client.admin import Group as Group
    from rescue_client.admin import InvalidSetting as InvalidSetting
    from rescue_client.admin import JoinCodeMade as JoinCodeMade
    from rescue_client.admin import JoinCodeState as JoinCodeState
    from rescue_client.admin import Organization as Organization
    from rescue_client.admin import OrganizationChange as OrganizationChange
    from rescue_client.admin import SessionsReset as SessionsReset
    from rescue_client.admin import Settings as Settings
    from rescue_client.clock import ClockClient as ClockClient
    from rescue_client.clock import ClockReading as ClockReading
    from rescue_client.clock import EmulatedClock as EmulatedClock
    from rescue_client.connection import Connection as Connection
    from rescue_client.console import ConsoleClient as ConsoleClient
    from rescue_client.deadlines import Deadline as Deadline
    from rescue_client.faults import FaultClient as FaultClient
    from rescue_client.faults import FaultRule as FaultRule
    from rescue_client.journal import Explanation as Explanation
    from rescue_client.journal import JournalClient as JournalClient
    from rescue_client.journal import JournalLine as JournalLine
    from rescue_client.journal import JournalPiece as JournalPiece
    from rescue_client.journal import QueueChange as QueueChange
    from rescue_client.journal import RefusedCommand as RefusedCommand
    from rescue_client.overview import Overview as Overview
    from rescue_client.overview import OverviewClient as OverviewClient
    from rescue_client.overview import TechnicianQueue as TechnicianQueue
    from rescue_client.posts import PostClient as PostClient
    from rescue_client.posts import SessionPost as SessionPost
    from rescue_client.queue_view import QueueView as QueueView
    from rescue_client.records import Bookmark as Bookmark
    from rescue_client.records import Cause as Cause
    from rescue_client.records import ChatReceived as ChatReceived
    from rescue_client.records import Colleague as Colleague
    from rescue_client.records import Directory as Directory
    from rescue_client.records import Done as Done
    from rescue_client.records import Entry as Entry
    from rescue_client.records import EntryChanged as EntryChanged
    from rescue_client.records import EntryDetails as EntryDetails
    from rescue_client.records import IdleAlarm as IdleAlarm
    from rescue_client.records import LeadOfferReceived as LeadOfferReceived
    from rescue_client.records import Participant as Participant
    from rescue_client.records import PinCreated as PinCreated
    from rescue_client.records import Process as Process
    from rescue_client.records import QueueListing as QueueListing
    from rescue_client.records import ServerBack as ServerBack
    from rescue_client.records import ServerLost as ServerLost
    from rescue_client.records import SessionHistory as SessionHistory
    from rescue_client.records import Snapshot as Snapshot
    from rescue_client.records import Status as Status
    from rescue_client.records import StatusChange as StatusChange
    from rescue_client.records import Target as Target
    from rescue_client.records import TargetKind as TargetKind
    from rescue_client.records import Transferred as Transferred
    from rescue_client.records import UnknownUpdate as UnknownUpdate
    from rescue_client.records import Update as Update
    from rescue_common.state_directory import NoAccess as NoAccess
    from rescue_common.state_directory import NoSecret as NoSecret
    from rescue_protos.errors import AlreadyExists as AlreadyExists
    from rescue_protos.errors import CommandNotAllowed as CommandNotAllowed
    from rescue_protos.errors import FailedPrecondition as FailedPrecondition
    from rescue_protos.errors import HistoryChanged as HistoryChanged
    from rescue_protos.errors import InjectedFault as InjectedFault
    from rescue_protos.errors import InvalidArgument as InvalidArgument
    from rescue_protos.errors import JoinCodeRefused as JoinCodeRefused
    from rescue_protos.errors import NotFound as NotFound
    from rescue_protos.errors import OrganizationRefused as OrganizationRefused
    from rescue_protos.errors import PermissionDenied as PermissionDenied
    from rescue_protos.errors import PinRefused as PinRefused
    from rescue_protos.errors import ReplayOnly as ReplayOnly
    from rescue_protos.errors import RequestReused as RequestReused
    from rescue_protos.errors import RescueError as RescueError
    from rescue_protos.errors import ResourceExhausted as ResourceExhausted
    from rescue_protos.errors import ShuttingDown as ShuttingDown
    from rescue_protos.errors import StorageFull as StorageFull
    from rescue_protos.errors import StorageUnavailable as StorageUnavailable
    from rescue_protos.errors import TargetNotAllowed as TargetNotAllowed
    from rescue_protos.errors import Unauthenticated as Unauthenticated
    from rescue_protos.errors import Unavailable as Unavailable

__all__ = [
    "AdminClient",
    "AlreadyExists",
    "Bookmark",
    "Cause",
    "Channel",
    "ChatReceived",
    "ClockClient",
    "ClockReading",
    "Colleague",
    "CommandNotAllowed",
    "Connection",
    "ConsoleClient",
    "Deadline",
    "Directory",
    "Done",
    "EmulatedClock",
    "Entry",
    "EntryChanged",
    "EntryDetails",
    "Explanation",
    "FailedPrecondition",
    "FaultClient",
    "FaultRule",
    "Group",
    "HistoryChanged",
    "IdleAlarm",
    "InjectedFault",
    "InvalidArgument",
    "InvalidSetting",
    "JoinCodeMade",
    "JoinCodeRefused",
    "JoinCodeState",
    "JournalClient",
    "JournalLine",
    "JournalPiece",
    "LeadOfferReceived",
    "NoAccess",
    "NoSecret",
    "NotFound",
    "Organization",
    "OrganizationChange",
    "OrganizationRefused",
    "Overview",
    "OverviewClient",
    "Participant",
    "PermissionDenied",
    "PinCreated",
    "PinRefused",
    "PostClient",
    "Process",
    "QueueChange",
    "QueueListing",
    "QueueView",
    "RefusedCommand",
    "ReplayOnly",
    "RequestReused",
    "RescueError",
    "ResourceExhausted",
    "ServerBack",
    "ServerLost",
    "SessionHistory",
    "SessionPost",
    "SessionsReset",
    "Settings",
    "ShuttingDown",
    "Snapshot",
    "Status",
    "StatusChange",
    "StorageFull",
    "StorageUnavailable",
    "Target",
    "TargetKind",
    "TargetNotAllowed",
    "TechnicianQueue",
    "Transferred",
    "Unauthenticated",
    "Unavailable",
    "UnknownUpdate",
    "Update",
    "connect",
]

_MODULES = {
    "rescue_client.admin": (
        "AdminClient",
        "InvalidSetting",
        "Channel",
        "Group",
        "JoinCodeMade",
        "JoinCodeState",
        "Organization",
        "OrganizationChange",
        "SessionsReset",
        "Settings",
    ),
    "rescue_client.clock": (
        "ClockClient",
        "ClockReading",
        "EmulatedClock",
    ),
    "rescue_client.connection": ("Connection",),
    "rescue_client.console": ("ConsoleClient",),
    "rescue_client.deadlines": ("Deadline",),
    "rescue_client.faults": (
        "FaultClient",
        "FaultRule",
    ),
    "rescue_client.journal": (
        "Explanation",
        "JournalClient",
        "JournalLine",
        "JournalPiece",
        "QueueChange",
        "RefusedCommand",
    ),
    "rescue_client.overview": (
        "Overview",
        "OverviewClient",
        "TechnicianQueue",
    ),
    "rescue_client.posts": (
        "PostClient",
        "SessionPost",
    ),
    "rescue_client.queue_view": ("QueueView",),
    "rescue_client.records": (
        "Bookmark",
        "Cause",
        "StatusChange",
        "ChatReceived",
        "Colleague",
        "Directory",
        "Done",
        "Entry",
        "EntryChanged",
        "EntryDetails",
        "IdleAlarm",
        "LeadOfferReceived",
        "Participant",
        "PinCreated",
        "Process",
        "QueueListing",
        "ServerBack",
        "ServerLost",
        "SessionHistory",
        "Snapshot",
        "Status",
        "Target",
        "TargetKind",
        "Transferred",
        "UnknownUpdate",
        "Update",
    ),
    "rescue_common.state_directory": (
        "NoAccess",
        "NoSecret",
    ),
    "rescue_protos.errors": (
        "AlreadyExists",
        "CommandNotAllowed",
        "FailedPrecondition",
        "HistoryChanged",
        "InjectedFault",
        "InvalidArgument",
        "JoinCodeRefused",
        "NotFound",
        "OrganizationRefused",
        "PermissionDenied",
        "PinRefused",
        "ReplayOnly",
        "RequestReused",
        "RescueError",
        "ResourceExhausted",
        "ShuttingDown",
        "StorageFull",
        "StorageUnavailable",
        "TargetNotAllowed",
        "Unauthenticated",
        "Unavailable",
    ),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}


def connect(
    user: str,
    *,
    secret: str | None = None,
    server: str | None = None,
    data: str | Path | None = None,
    timeout: timedelta = timedelta(seconds=30),
) -> Connection:
    """Return a connection as `user`; use it as a context.

    `server` is HOST:PORT and `data` a state directory. What is not given comes from the environment (RESCUE_SERVER,
    RESCUE_DATA, RESCUE_SECRET) or from the default state directory, as with every program. `timeout` limits, in real
    time, how long a call waits for a server that is away. Raises NoAccess if the server or the secret cannot be found.
    """
    from rescue_client.connection import Connection

    return Connection.find(user=user, secret=secret, server=server, data=data, timeout=timeout)


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(module), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
