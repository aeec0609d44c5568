"""A receiver of posts: a small HTTP server that remembers each request, and answers as a test says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import parse_qsl


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceivedPost:
    """One request. The names of headers are in small letters."""

    line: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def fields(self) -> dict[str, str]:
        """The fields of a form."""
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True))

    @property
    def delivery(self) -> str:
        """The id that each attempt bears."""
        return self.headers["x-rescue-delivery"]

    @property
    def attempt(self) -> int:
        """The number of the attempt."""
        return int(self.headers["x-rescue-attempt"])


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"
SILENCE = b""


def status(code: int) -> bytes:
    """Return an answer with a status."""
    return b"HTTP/1.1 %d Whatever\r\nContent-Length: 0\r\n\r\n" % code


class PostReceiver:
    """Answers each request with what `answer` returns: bytes after which the connection is closed.

    SILENCE keeps it open, unanswered.
    """

    def __init__(self, answer: Callable[[ReceivedPost], bytes] = lambda post: OK, *, port: int = 0) -> None:
        self.answer = answer
        self.posts: list[ReceivedPost] = []
        self.port = port
        self._news = asyncio.Condition()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> PostReceiver:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for writer in self._connections:
            writer.transport.abort()
        await asyncio.sleep(0)

    def url(self, path: str = "/hook", *, user: str = "", host: str = "127.0.0.1") -> str:
        """Return a URL of this receiver."""
        return f"http://{user}{'@' if user else ''}{host}:{self.port}{path}"

    async def received(self, number: int, *, within: float = 30) -> list[ReceivedPost]:
        """Wait until so many requests came, so many seconds at most; return all. Raises TimeoutError."""
        async with asyncio.timeout(within), self._news:
            await self._news.wait_for(lambda: len(self.posts) >= number)
            return list(self.posts)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections.add(writer)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
            pairs = (line.partition(":") for line in head[1:] if line)
            headers = {name.lower(): value.strip() for name, _, value in pairs}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            post = ReceivedPost(line=head[0], headers=headers, body=body)
            answer = self.answer(post)
            async with self._news:
                self.posts.append(post)
                self._news.notify_all()
            if answer == SILENCE:
                await reader.read()
            writer.write(answer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()
            self._connections.discard(writer)
