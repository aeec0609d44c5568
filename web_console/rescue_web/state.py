"""The state of the companion: where its server is, who is signed in, and which computers it started."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from functools import partial
from pathlib import Path

from rescue_client.admin import AdminClient
from rescue_client.connection import TIMEOUT, Connection
from rescue_client.console import ConsoleClient
from rescue_client.joining import join
from rescue_common.emulated_time import format_timestamp
from rescue_common.state_directory import find_servers, find_tls
from rescue_console.labels import Labels
from rescue_console.timeline import history_of
from rescue_console.timeline_svg import timeline_svg
from rescue_web.class_training import ClassTraining
from rescue_web.classes import Classes
from rescue_web.computers import StartedComputers, where
from rescue_web.customer_page import Customers
from rescue_web.login_cookies import LoginCookies, SealedLogin
from rescue_web.logins import Login, Logins
from rescue_web.supervisor_page import SupervisorPage
from rescue_web.technician_page import TechnicianPage
from rescue_web.training import Training, Trainings

_TIMEOUT = timedelta(seconds=5)
_MAX_SIGN_INS = 8


class AppState:
    """Everything behind the pages. `server` and `data` are as on the command line, `cookies` of the browsers.

    `own_options` are options of `rescue server` for the servers that exercises of a class have of their own.
    """

    def __init__(
        self, *, server: str | None, data: Path | None, cookies: LoginCookies, own_options: tuple[str, ...] = ()
    ) -> None:
        self._server, self._data, self._cookies = server, data, cookies
        self.logins = Logins()
        self.computers = StartedComputers(where=where(server, data), changed=self._computers_changed)
        self.customers = Customers(self.computers)
        self._trainings = Trainings(data=data)
        self.classes = Classes(
            server=server,
            data=data,
            computers=self.computers,
            changed=self._classes_changed,
            own_options=own_options,
        )
        self._lasting: tuple[asyncio.Task[None], ...] = ()
        # Each sign-in opens a connection. Without a limit, anybody could keep the server busy through us.
        self._sign_ins = asyncio.Semaphore(_MAX_SIGN_INS)

    async def sign_in(self, user: str, secret: str, *, visitor: str) -> Login:
        """Sign in a user whose browser is at the address `visitor`.

        Raises RescueError if the secret is wrong or the server is away.
        """
        connection = self._connect(user, secret, visitor, timeout=_TIMEOUT)
        try:
            async with self._sign_ins:
                administrator = await connection.is_administrator()
        except BaseException:
            await connection.close()
            raise
        kept = SealedLogin(user=user, secret=secret, administrator=administrator)
        return await self._begin(self._cookies.make(kept), kept, connection, visitor)

    async def login_of(self, cookie: str, *, visitor: str) -> Login | None:
        """Return the login of a cookie, also if the browser signed in at another companion; None if it has none."""
        login = self.logins.find(cookie)
        if login is None and not self.logins.is_over(cookie) and (kept := self._cookies.read(cookie)) is not None:
            connection = self._connect(kept.user, kept.secret, visitor, timeout=_TIMEOUT)
            login = await self._begin(cookie, kept, connection, visitor)
        return login

    async def _begin(self, cookie: str, kept: SealedLogin, connection: Connection, visitor: str) -> Login:
        begin = partial(self.logins.begin, cookie, proof=self._cookies.proof(cookie), user=kept.user)
        if kept.administrator:
            return await begin(supervisor_page=SupervisorPage(connection, self.computers, self.classes))
        client = ConsoleClient(self._connect(kept.user, kept.secret, visitor), in_focus=False)
        own_page = TechnicianPage(client, connection)
        return await begin(own_page=own_page, training=self._training(kept.user, own_page))

    def _connect(self, user: str, secret: str, visitor: str, *, timeout: timedelta = TIMEOUT) -> Connection:
        return Connection.find(
            server=self._server,
            data=self._data,
            user=user,
            secret=secret,
            visitor=visitor,
            timeout=timeout,
            first_is_near=self._server is None,
        )

    async def join(self, code: str, *, joiner: str, visitor: str) -> Login:
        """Sign in whoever joins with a code, in a browser at the address `visitor`. Raises RescueError."""
        async with self._sign_ins:
            address = find_servers(server=self._server, data=self._data)[0]
            tls = partial(find_tls, server=self._server, data=self._data)
            joined = await join(address, code, joiner=joiner, visitor=visitor, tls=tls)
        return await self.sign_in(joined.user, joined.secret, visitor=visitor)

    async def directory(self, login: Login) -> dict[str, object]:
        """Return the technicians, groups and channels that commands can name. Raises RescueError."""
        if login.technician_page is None:
            organization = await AdminClient(_connection(login)).organization()
            channels = [channel.name for channel in organization.channels]
            return {"technicians": [], "groups": [group.name for group in organization.groups], "channels": channels}
        found = await login.technician_page.client.directory()
        return {
            "technicians": [
                {"name": who.name, "group": who.group, "connected": who.connected} for who in found.technicians
            ],
            "groups": list(found.groups),
            "channels": list(found.channels),
        }

    async def history(self, login: Login, session: str, language: str) -> dict[str, object]:
        """Return each change that this user's queue showed of a session, and why; and its chat. Raises RescueError."""
        labels, page = Labels.of(language), login.technician_page
        changes: list[dict[str, object]] = []
        chat: list[dict[str, object]] = []
        for happening in await history_of(session, _connection(login)):
            if happening.chat_text:
                chat.append({"revision": happening.revision, "from": happening.technician, "text": happening.chat_text})
            for change in happening.changes:
                if page is not None and change.technician != page.client.technician:
                    continue  # of the technician whose queue is shown: in an exercise, its trainee
                changes.append(
                    {
                        "at": format_timestamp(happening.at, timespec="milliseconds"),
                        "technician": change.technician,
                        "previous": labels.status(change.previous) if change.previous else "",
                        "status": labels.status(change.status),
                        "row": change.row,
                        "cause": labels.cause(happening, happening.cause),
                        "setting": labels.setting(happening.setting) if happening.setting else "",
                        "value": happening.setting_value,
                        "explained": labels.row(change.row) if change.row else "",
                    }
                )
        return {"changes": changes, "chat": chat}

    async def timeline(self, login: Login, session: str, language: str) -> str:
        """Return a session's timeline as SVG. Raises RescueError."""
        return timeline_svg(await history_of(session, _connection(login)), session=session, lang=language)

    def begin(self) -> None:
        """Begin what goes on without pages."""
        lasting = (self.classes.lead(), self.classes.end_left())
        self._lasting = tuple(asyncio.create_task(one) for one in lasting)

    async def close(self) -> None:
        """Sign everybody out and stop all computers."""
        for task in self._lasting:
            task.cancel()
        await asyncio.gather(*self._lasting, return_exceptions=True)
        await self.logins.end_all()
        await self.classes.close()
        await self.computers.stop()

    def _training(self, user: str, own_page: TechnicianPage) -> Training:
        lesson = self.classes.lesson_of(user)
        if lesson is not None:
            return ClassTraining(lesson=lesson, account=user, own=own_page)
        return self._trainings.of(user, own_page)

    def _classes_changed(self) -> None:
        for supervisor_page in self.logins.supervisor_pages():
            supervisor_page.classes_changed()

    def _computers_changed(self) -> None:
        for supervisor_page in self.logins.supervisor_pages():
            supervisor_page.computers_changed()


def _connection(login: Login) -> Connection:
    return login.page.connection
