"""One world with its public API per module, and a plain HTTP client that shows every byte."""

from __future__ import annotations

import http.client
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest_asyncio

from rescue_common.state_directory import Access
from rescue_emulator import World
from rescue_emulator.world.technician import Technician


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer: its status, headers in lower case, and body."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def rows(self) -> list[dict[str, str]]:
        """The rows of a table by the titles of its header."""
        header, *rows = [line.split("|") for line in self.body.split("\n\n", 1)[1].splitlines()]
        return [dict(zip(header[:-1], row, strict=False)) for row in rows]

    @property
    def records(self) -> list[dict[str, str]]:
        """The records of a list of records."""
        _, *chunks, _ = self.body.split("\n\n")
        return [dict(line.split(":", 1) for line in chunk.splitlines()) for chunk in chunks]


@dataclass(slots=True)
class Api:
    """The API of a world, called over real sockets, one connection per call."""

    world: World
    url: str
    alice: Technician
    bob: Technician

    def call(
        self,
        method: str,
        /,
        *,
        post: bool = False,
        headers: dict[str, str] | None = None,
        path: str | None = None,
        **given: Any,
    ) -> Answered:
        """Call a text method by GET, or by POST with a form."""
        target = urlsplit(self.url)
        connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=20)
        sent, form = dict(headers or {}), urlencode(given)
        where = path or f"{target.path}/{method}.aspx"
        try:
            if post:
                sent["Content-Type"] = "application/x-www-form-urlencoded"
                connection.request("POST", where, form, sent)
            else:
                connection.request("GET", f"{where}?{form}" if form else where, headers=sent)
            answer = connection.getresponse()
            body = answer.read().decode()
            return Answered(answer.status, {name.lower(): value for name, value in answer.getheaders()}, body)
        finally:
            connection.close()

    def body(self, method: str, /, **given: Any) -> str:
        """Return the body of an answer."""
        return self.call(method, **given).body

    def secret(self, user: str) -> str:
        """Return a user's password."""
        return Access.read(self.world.data).secrets[user]

    def authcode(self, user: str = "admin") -> str:
        """Return a new code of the user."""
        return self.body("requestAuthCode", email=f"{user}@rescue.test", pwd=self.secret(user)).partition("AUTHCODE:")[
            2
        ]

    def node(self, name: str, code: str) -> int:
        """Return the node id of a name."""
        records = self.call("getHierarchy", authcode=code).records
        return next(int(one["NodeID"]) for one in records if one["Name"] == name)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api() -> AsyncIterator[Api]:
    async with World(api=True) as world:
        yield Api(world, world.api.url, await world.technician("alice"), await world.technician("bob"))
