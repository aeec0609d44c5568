"""The companion itself: where the server is, who visits, and which computers were started from here."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from pathlib import Path

from rescue_client.admin import AdminClient
from rescue_client.connection import Connection
from rescue_client.console import ConsoleClient
from rescue_common.emulated_time import format_timestamp
from rescue_console.labels import Labels
from rescue_console.timeline_picture import timeline_svg
from rescue_console.timeline_reader import history_of
from rescue_protos.explanations import explanation
from rescue_web.computers import Computers, where
from rescue_web.logins import Visit, Visits
from rescue_web.supervisor_page import Supervision
from rescue_web.technician_page import Desk

_PATIENCE = timedelta(seconds=5)
_SIGNING_IN_AT_ONCE = 8


class House:
    """Everything that is behind the pages. `server` and `data` as on the command line."""

    def __init__(self, *, server: str | None, data: Path | None) -> None:
        self._server, self._data = server, data
        self.visits = Visits()
        self.computers = Computers(where=where(server, data), changed=self._computers_changed)
        # Checking a secret is made expensive on purpose: nobody is to keep the server busy with it through us.
        self._doors = asyncio.Semaphore(_SIGNING_IN_AT_ONCE)

    async def welcome(self, user: str, secret: str) -> Visit:
        """Let a user in. Raises RescueError if the secret is wrong or the server is away."""
        connect = partial(Connection.find, user=user, secret=secret, server=self._server, data=self._data)
        connection = connect(timeout=_PATIENCE)
        try:
            async with self._doors:
                administrator = await connection.is_administrator()
        except BaseException:
            await connection.close()
            raise
        if administrator:
            return await self.visits.begin(user, supervision=Supervision(connection, self.computers))
        client = ConsoleClient(connect(), in_focus=False)
        return await self.visits.begin(user, desk=Desk(client, connection))

    async def directory(self, visit: Visit) -> dict[str, object]:
        """Return who and what can be named. Raises RescueError."""
        if visit.desk is None:
            organization = await AdminClient(_connection(visit)).organization()
            channels = [channel.name for channel in organization.channels]
            return {"technicians": [], "groups": [group.name for group in organization.groups], "channels": channels}
        found = await visit.desk.client.directory()
        return {
            "technicians": [
                {"name": who.name, "group": who.group, "connected": who.connected} for who in found.technicians
            ],
            "groups": list(found.groups),
            "channels": list(found.channels),
        }

    async def history(self, visit: Visit, session: str, language: str) -> dict[str, object]:
        """Return each change that this user's queue showed of a session, and why; and its chat. Raises RescueError."""
        labels = Labels.of(language)
        changes: list[dict[str, object]] = []
        chat: list[dict[str, object]] = []
        for happening in await history_of(session, _connection(visit)):
            if happening.said:
                chat.append({"revision": happening.revision, "from": happening.technician, "text": happening.said})
            for change in happening.changes:
                if visit.supervision is None and change.technician != visit.user:
                    continue
                changes.append(
                    {
                        "at": format_timestamp(happening.at, timespec="milliseconds"),
                        "technician": change.technician,
                        "previous": labels.status(change.previous) if change.previous else "",
                        "status": labels.status(change.status),
                        "row": change.row,
                        "cause": labels.cause(
                            happening.event, happening.cause, by=happening.technician, about=happening.about
                        ),
                        "setting": labels.setting(happening.setting) if happening.setting else "",
                        "value": happening.setting_value,
                        "explained": explanation(change.row, language) if change.row else "",
                    }
                )
        return {"changes": changes, "chat": chat}

    async def timeline(self, visit: Visit, session: str, language: str) -> str:
        """Return a session's timeline as SVG. Raises RescueError."""
        return timeline_svg(await history_of(session, _connection(visit)), session=session, lang=language)

    async def close(self) -> None:
        """Send everybody home."""
        await self.visits.end_all()
        await self.computers.stop()

    def _computers_changed(self) -> None:
        for supervision in self.visits.supervisions():
            supervision.computers_changed()


def _connection(visit: Visit) -> Connection:
    source = visit.desk or visit.supervision
    assert source is not None  # a visit is one of the two
    return source.connection
