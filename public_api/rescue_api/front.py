"""What every request passes before the application: requests that came before are answered here, in a moment."""

from __future__ import annotations

import re
from time import perf_counter
from urllib.parse import unquote

from starlette.types import ASGIApp, Receive, Scope, Send

from rescue_api.answer_cache import AdmittedRequest
from rescue_api.calls import Backend
from rescue_api.words import Word
from rescue_client.api_records import HandledRequest

_ABSOLUTE = re.compile(rb"https?://(?P<host>[^/@]+)(?P<path>/.*)?", re.IGNORECASE)


class Front:
    """Takes the host out of a target that has it, and answers a request again while its answer is kept."""

    def __init__(self, app: ASGIApp, backend: Backend) -> None:
        self._app = app
        self._client = backend.client
        self._answers = backend.answers
        self._notes = backend.notes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        began = perf_counter()
        if scope["raw_path"][:1] != b"/":
            scope = _of_this_host(scope)
        known = self._known(scope) if scope["method"] == "GET" else None
        if known is None:
            await self._app(scope, receive, send)
            return
        request, body = known
        headers = [
            (b"cache-control", b"private"),
            (b"content-type", request.content_type.encode()),
            (b"content-length", b"%d" % len(body)),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        if self._notes.are_wanted:
            self._notes.add(
                HandledRequest(
                    method=request.operation,
                    is_soap=False,
                    word=Word.OK.text,
                    user=request.user,
                    seconds=perf_counter() - began,
                )
            )

    def _known(self, scope: Scope) -> tuple[AdmittedRequest, bytes] | None:
        held = self._client.held()
        if held is None or held[0].faulted:
            return None
        facts, now = held
        request = self._answers.admitted(scope["raw_path"], scope["query_string"], facts.account)
        if request is None:
            return None
        body = self._answers.find(request.asked, facts, now)
        return None if body is None else (request, body)


def _of_this_host(scope: Scope) -> Scope:
    """Return the request with a path for a target, and with the host that its target had.

    Proxies send `GET http://host/path`, and a server has to believe that host rather than the header.
    """
    found = _ABSOLUTE.fullmatch(scope["raw_path"])
    if found is None:
        return scope
    others = [header for header in scope["headers"] if header[0] != b"host"]
    path = found["path"] or b"/"
    return {**scope, "raw_path": path, "path": unquote(path), "headers": [(b"host", found["host"]), *others]}
