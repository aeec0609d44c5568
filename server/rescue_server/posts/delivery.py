"""One attempt to deliver a post by HTTP/1.1: one connection, one request, the status of the answer.

h11 speaks the protocol, as it does for uvicorn. The connection is made here, because it must go to the address that
was checked, through no proxy, and the ten seconds must hold for all of it together.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import ssl

import h11

from rescue_server.posts.target import AttemptFailed, PostTarget

ANSWER_WITHIN = 10.0  # real seconds
_MOST_READ = 64 * 1024  # bytes of an answer, at a time
_REST_WITHIN = 1.0  # real seconds in which a receiver may finish its answer: nobody needs it


async def deliver(target: PostTarget, headers: dict[str, str], body: bytes) -> int:
    """Send a post and return the HTTP status of the answer. Raises AttemptFailed."""
    try:
        async with asyncio.timeout(ANSWER_WITHIN):
            reader, writer = await _connect(target)
            try:
                connection = h11.Connection(h11.CLIENT)
                writer.write(_request(connection, target, headers, body))
                await writer.drain()
                status = await _status(connection, reader)
                with contextlib.suppress(TimeoutError, OSError, h11.RemoteProtocolError):
                    async with asyncio.timeout(_REST_WITHIN):
                        await _finish(connection, reader)
                return status
            finally:
                writer.transport.abort()  # nothing is left to be said
    except TimeoutError:
        raise AttemptFailed(f"no answer within {ANSWER_WITHIN:g} seconds") from None
    except h11.RemoteProtocolError:
        raise AttemptFailed("the answer is not HTTP, or the connection was closed before it") from None
    except ssl.SSLError as error:
        raise AttemptFailed(f"TLS failed: {_tls_reason(error)}") from None
    except OSError as error:
        raise AttemptFailed(os.strerror(error.errno).lower() if error.errno else "the connection failed") from None


async def _connect(target: PostTarget) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the first address that accepts."""
    tls = ssl.create_default_context() if target.is_tls else None
    name = target.host if target.is_tls else None
    *others, last = target.addresses
    for address in others:
        with contextlib.suppress(ConnectionError):
            return await asyncio.open_connection(address, target.port, ssl=tls, server_hostname=name)
    return await asyncio.open_connection(last, target.port, ssl=tls, server_hostname=name)


def _request(connection: h11.Connection, target: PostTarget, headers: dict[str, str], body: bytes) -> bytes:
    own = {"Host": target.host_header, **headers, "Content-Length": str(len(body)), "Connection": "close"}
    if target.authorization:
        own["Authorization"] = target.authorization
    request = h11.Request(method="POST", target=target.path, headers=list(own.items()))
    parts = [connection.send(request), connection.send(h11.Data(data=body)), connection.send(h11.EndOfMessage())]
    return b"".join(part for part in parts if part is not None)


async def _status(connection: h11.Connection, reader: asyncio.StreamReader) -> int:
    """Return the status of the final answer."""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_MOST_READ))
        elif isinstance(event, h11.Response):
            return event.status_code


async def _finish(connection: h11.Connection, reader: asyncio.StreamReader) -> None:
    """Read the rest of the answer, so that a receiver that is still writing it sees no error."""
    while not isinstance(event := connection.next_event(), h11.EndOfMessage | h11.ConnectionClosed):
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(_MOST_READ))


def _tls_reason(error: ssl.SSLError) -> str:
    return str(getattr(error, "verify_message", "") or error.reason or "no handshake").lower()
