"""The HTTP application: paths, parameters, and the bytes of answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from rescue_api.answers import as_text
from rescue_api.calls import ApiCall, Backend, Operation
from rescue_api.operations import BY_NAME, perform
from rescue_api.people import COOKIE
from rescue_api.words import MethodFailed, Word
from rescue_protos.errors import RescueError

log = logging.getLogger(__name__)
_LONGEST_BODY = 1024 * 1024
_BODY_WITHIN = 30.0  # real seconds
_PREFIX, _SUFFIX = "/api/", ".aspx"
_HEADERS = {"Cache-Control": "private", "Content-Type": "text/plain; charset=utf-8"}
_METHODS = ["GET", "POST"]


class _Refused(Exception):
    def __init__(self, status: int) -> None:
        self.status = status


def build(backend: Backend) -> Starlette:
    """Return the application."""

    async def answer(request: Request) -> Response:
        path = request.url.path.lower()
        operation = BY_NAME.get(path[len(_PREFIX) : -len(_SUFFIX)])
        if operation is None or not (path.startswith(_PREFIX) and path.endswith(_SUFFIX)):
            return _page(404)
        try:
            given = await _parameters(request)
        except _Refused as refused:
            return _page(refused.status)
        return await _text(request, operation, given, backend)

    return Starlette(routes=[Route("/{path:path}", answer, methods=_METHODS)])


async def _text(request: Request, operation: Operation, given: Mapping[str, str], backend: Backend) -> Response:
    call = None
    try:
        call = await _call(request, operation, given, backend)
        body = as_text(operation.shape, await perform(operation, call))
    except MethodFailed as failed:
        body = failed.word.text
    except RescueError as error:
        log.warning("%s failed: %s", operation.name, error)
        body = Word.ERROR.text
    except Exception:
        log.exception("%s failed", operation.name)
        body = Word.ERROR.text
    response = Response(body.encode(), headers=_HEADERS)
    if call is not None and call.new_cookie:
        response.set_cookie(
            COOKIE, call.new_cookie, path="/", httponly=True, secure=request.url.scheme == "https", samesite=None
        )
    return response


async def _call(request: Request, operation: Operation, given: Mapping[str, str], backend: Backend) -> ApiCall:
    arguments = {}
    for parameter in operation.parameters:
        names = (parameter.name, *parameter.aliases)
        found = next((given[name] for name in names if given.get(name)), "")
        arguments[parameter.name] = found
    return ApiCall(
        backend=backend,
        facts=await backend.client.facts(),
        arguments=arguments,
        source=request.client.host if request.client else "",
        cookie=request.cookies.get(COOKIE, ""),
    )


async def _parameters(request: Request) -> dict[str, str]:
    """Return the parameters by name in lower case; those of the form win. Bad bytes become U+FFFD."""
    given = _pairs(request.scope["query_string"])
    if request.method == "POST":
        given |= _pairs(await _body(request))
    return given


def _pairs(encoded: bytes) -> dict[str, str]:
    pairs = parse_qsl(encoded.decode("latin-1"), keep_blank_values=True, errors="replace")
    return {name.lower(): value for name, value in pairs}


async def _body(request: Request) -> bytes:
    """Return the body. Raises _Refused if it is too long, or does not come in time."""
    body = bytearray()
    try:
        async with asyncio.timeout(_BODY_WITHIN):
            async for piece in request.stream():
                body += piece
                if len(body) > _LONGEST_BODY:
                    raise _Refused(413)
    except (TimeoutError, ClientDisconnect):
        raise _Refused(408) from None
    return bytes(body)


def _page(status: int) -> Response:
    text = {404: "The resource cannot be found.", 413: "The request is too long.", 408: "The request took too long."}
    head = f"<!DOCTYPE html><html><head><title>{text[status]}</title></head>"
    return HTMLResponse(f"{head}<body><h1>{text[status]}</h1></body></html>", status)
