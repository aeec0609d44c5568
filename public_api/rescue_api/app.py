"""The HTTP application: paths, parameters, and the bytes of answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from rescue_api import soap
from rescue_api.answers import Row, as_text
from rescue_api.calls import ApiCall, Backend, MethodAccess, Operation
from rescue_api.cut import CutResponse
from rescue_api.operations import BY_NAME, admit
from rescue_api.people import COOKIE
from rescue_api.words import MethodFailed, Word
from rescue_api.wsdl import operations_page, sample_page, wsdl
from rescue_client.api_records import ApiFault
from rescue_protos.errors import RescueError

log = logging.getLogger(__name__)
_LONGEST_BODY = 1024 * 1024
_BODY_WITHIN = 30.0  # real seconds
_PREFIX, _SUFFIX = "/api/", ".aspx"
_SOAP_PATH = "/api/api.asmx"
_TEXT = "text/plain; charset=utf-8"
_METHODS = ["GET", "POST"]
_PAGES = {404: "The resource cannot be found.", 413: "The request is too long.", 408: "The request took too long."}


class _Refused(Exception):
    def __init__(self, status: int) -> None:
        self.status = status


def build(backend: Backend) -> Starlette:
    """Return the application."""

    async def answer(request: Request) -> Response:
        path = request.scope["path"].lower()
        try:
            if path == _SOAP_PATH:
                return await _soap(request, backend) if request.method == "POST" else _described(request)
            operation = BY_NAME.get(path[len(_PREFIX) : -len(_SUFFIX)])
            if operation is None or not (path.startswith(_PREFIX) and path.endswith(_SUFFIX)):
                return _page(404)
            return await _text(request, operation, await _parameters(request), backend)
        except _Refused as refused:
            return _page(refused.status)

    return Starlette(routes=[Route("/{path:path}", answer, methods=_METHODS)])


async def _text(request: Request, operation: Operation, given: Mapping[str, str], backend: Backend) -> Response:
    arguments = {}
    for parameter in operation.parameters:
        names = (parameter.name, *parameter.aliases)
        arguments[parameter.name] = next((given[name] for name in names if given.get(name)), "")

    def write(rows: Sequence[Row]) -> str:
        return as_text(operation.shape, rows)

    return await _answered(request, operation, arguments, backend, write, lambda word: word.text, _TEXT)


async def _soap(request: Request, backend: Backend) -> Response:
    body = await _body(request)
    try:
        asked = soap.read(body, request.headers.get("content-type", ""))
    except soap.NotSoap as error:
        return Response(soap.fault(error.version, str(error)), 500, _headers(error.version.content_type))
    version, operation = asked.version, asked.operation
    arguments = {one.name: asked.given.get(one.element.lower(), "") for one in operation.parameters}

    def write(rows: Sequence[Row]) -> str:
        return soap.answer(version, operation, rows)

    def fail(word: Word) -> str:
        return soap.failure(version, operation, word)

    return await _answered(request, operation, arguments, backend, write, fail, version.content_type)


async def _answered(
    request: Request,
    operation: Operation,
    arguments: Mapping[str, str],
    backend: Backend,
    write: Callable[[Sequence[Row]], str],
    fail: Callable[[Word], str],
    content_type: str,
) -> Response:
    """Perform the operation, and answer with what `write` makes of its rows, or with a word."""
    call = fault = None
    try:
        fault = await _fault(operation, backend)
        if fault is not None and fault.status:
            return _page(fault.status)
        if fault is not None and fault.word:
            raise MethodFailed(next((word for word in Word if word.text == fault.word), Word.ERROR))
        call = ApiCall(
            backend=backend,
            facts=await backend.client.facts(),
            arguments=arguments,
            source=request.client.host if request.client else "",
            cookie=request.cookies.get(COOKIE, ""),
        )
        body = await _performed(operation, call, write, content_type)
    except MethodFailed as failed:
        body = fail(failed.word).encode()
    except RescueError as error:
        log.warning("%s failed: %s", operation.name, error)
        body = fail(Word.ERROR).encode()
    except Exception:
        log.exception("%s failed", operation.name)
        body = fail(Word.ERROR).encode()
    kind = CutResponse if fault is not None and fault.is_cut else Response
    response = kind(body, headers=_headers(content_type))
    if call is not None and call.new_cookie:
        # Written by hand, because clients compare the vendor's very text, and libraries order the attributes otherwise.
        secure = "; Secure" if request.url.scheme == "https" else ""
        response.headers["set-cookie"] = f"{COOKIE}={call.new_cookie}; path=/; HttpOnly{secure}"
    return response


async def _fault(operation: Operation, backend: Backend) -> ApiFault | None:
    """Return what a fault rule does to a call, after its delay; None if nothing. Raises RescueError."""
    faulted = (await backend.client.facts()).faulted
    name = next((name for name in (operation.name, operation.soap) if name.lower() in faulted), None)
    return None if name is None else await backend.client.take_fault(name)


async def _performed(
    operation: Operation, call: ApiCall, write: Callable[[Sequence[Row]], str], content_type: str
) -> bytes:
    """Return the body of a success. Raises MethodFailed, RescueError."""
    admit(operation, call)
    if operation.access is MethodAccess.ANYBODY:
        return write(await operation.handler(call)).encode()
    asked = operation.name, content_type, call.asked
    answers = call.backend.answers
    body = answers.find(asked, call.facts)
    if body is None:
        body = write(await operation.handler(call)).encode()
        if call.holds_until is not None:
            answers.keep(asked, call.facts, call.holds_until, body)
    return body


def _described(request: Request) -> Response:
    """Return the WSDL, the list of operations, or an operation's sample."""
    asked = {name.lower(): value for name, value in request.query_params.items()}
    if "wsdl" in asked:
        url = f"{request.url.scheme}://{request.headers.get('host', '')}/API/API.asmx"
        return Response(wsdl(url), headers=_headers(soap.Version.V1_1.content_type))
    page = sample_page(asked["op"]) if "op" in asked else operations_page()
    return _page(404) if page is None else HTMLResponse(page)


def _headers(content_type: str) -> dict[str, str]:
    return {"Cache-Control": "private", "Content-Type": content_type}


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
    text = _PAGES.get(status, f"HTTP status {status}.")
    head = f"<!DOCTYPE html><html><head><title>{text}</title></head>"
    return HTMLResponse(f"{head}<body><h1>{text}</h1></body></html>", status)
