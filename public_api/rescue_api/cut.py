"""An answer that breaks off: a fault rule closes the connection in the middle of the body."""

from __future__ import annotations

import logging
from contextvars import ContextVar

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

_is_cut = ContextVar("_is_cut", default=False)


class CutResponse(Response):
    """Sends half of its body, and claims to have all. The server closes a connection whose answer is not complete."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it."""
        _is_cut.set(True)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body[: len(self.body) // 2])
        await send({"type": "http.response.body", "body": half, "more_body": True})


def complain_of_no_cut() -> None:
    """Keep uvicorn's log quiet about answers that are meant to break off."""
    logging.getLogger("uvicorn.error").addFilter(lambda record: not _is_cut.get())
