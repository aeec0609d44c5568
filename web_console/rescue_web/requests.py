"""What the routes read from a request of one of our pages, and how they refuse."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException

from rescue_common.languages import LANGUAGES
from rescue_console.labels import Labels
from rescue_protos.errors import PermissionDenied, RescueError, ResourceExhausted, Unauthenticated, Unavailable

if TYPE_CHECKING:
    from starlette.requests import Request

_LONGEST_BODY = 64 * 1024
NOT_OURS = "this does not come from a page of this console"


async def body_of(request: Request) -> dict[str, Any]:
    """Return the JSON object that one of our pages sent."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host", ""):
        raise HTTPException(403, NOT_OURS)
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "JSON is needed")
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > _LONGEST_BODY:
            raise HTTPException(413, "that is too long")
    try:
        found = json.loads(bytes(body))
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise HTTPException(400, "a JSON object is needed")
    return found


def text_in(body: dict[str, Any], name: str) -> str:
    """Return a text of the body; empty if it is missing."""
    value = body.get(name, "")
    if not isinstance(value, str):
        raise HTTPException(400, f"{name} is a text")
    return value


def cookie_of(request: Request, kind: str) -> str:
    """Return the name of a cookie: browsers keep one set for all ports of a host, so each port has its own."""
    _, port = request.scope["server"]  # where we listen, whatever name or port the browser used
    return f"rescue_{kind}_{port}"


def login_cookie_of(request: Request) -> str:
    """Return the name of the cookie of logins: all servers of a cluster have the same one."""
    return request.app.state.login_cookie or cookie_of(request, "login")


def visitor_of(request: Request) -> str:
    """Return the address of the browser."""
    return request.client.host if request.client else ""


def language_of(request: Request) -> str:
    """Return the language of the page."""
    language = request.query_params.get("lang", "")
    return language if language in LANGUAGES else LANGUAGES[0]


def refused(error: RescueError, language: str) -> HTTPException:
    """Return the answer to what the session server refused."""
    if isinstance(error, Unavailable):
        return HTTPException(503, "the server is away")
    message = Labels.of(language).refusal(error)
    known = {Unauthenticated: 401, PermissionDenied: 403, ResourceExhausted: 429}
    return HTTPException(known.get(type(error), 409), message)
