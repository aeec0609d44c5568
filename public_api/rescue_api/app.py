"""The HTTP application: paths, parameters, and the bytes of answers."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import BinaryIO
from urllib.parse import parse_qsl

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from rescue_api import out_of_scope, soap
from rescue_api.answer_cache import AdmittedRequest, TimedText
from rescue_api.answers import Row, as_text
from rescue_api.calls import AUTHCODE, ApiCall, Backend, Operation
from rescue_api.cut import CutResponse
from rescue_api.front import Front
from rescue_api.invitation import INVITATION_PATH, invitation_page
from rescue_api.logins import COOKIE
from rescue_api.operations import BY_NAME, admit
from rescue_api.spool import spooled, spooled_response
from rescue_api.words import MethodFailed, Word
from rescue_api.wsdl import operations_page, sample_page, wsdl
from rescue_client.api_records import HandledRequest
from rescue_protos.errors import RescueError

log = logging.getLogger(__name__)
_LONGEST_BODY = 1024 * 1024
_BODY_WITHIN = 30.0  # real seconds
_PREFIX, _SUFFIX = "/api/", ".aspx"
_SOAP_PATH = "/api/api.asmx"
_TEXT = "text/plain; charset=utf-8"
_METHODS = ["GET", "POST"]
_NOTED = "rescue.noted"
_PAGES = {404: "The resource cannot be found.", 413: "The request is too long.", 408: "The request took too long."}
_SLASHES = re.compile("//+")
_HERE = "\ue000"  # of no text; where a value that comes in pieces is put


@dataclass(slots=True)
class Noted:
    """What is noted of a request while it is answered."""

    method: str = ""
    word: str = ""
    user: str = ""


class _Refused(Exception):
    def __init__(self, status: int) -> None:
        self.status = status


def build(backend: Backend) -> ASGIApp:
    """Return the application."""

    async def answer(request: Request) -> Response:
        path, began = _SLASHES.sub("/", request.scope["path"].partition("#")[0].lower()), perf_counter()
        noted = request.scope[_NOTED] = Noted()
        try:
            response = await _routed(request, path, backend)
        except _Refused as refused:
            response = _page(refused.status)
        backend.notes.add(
            HandledRequest(
                method=noted.method,
                is_soap=path == _SOAP_PATH,
                word=noted.word or f"HTTP {response.status_code}",
                user=noted.user,
                seconds=perf_counter() - began,
            )
        )
        return response

    return Front(Starlette(routes=[Route("/{path:path}", answer, methods=_METHODS)]), backend)


async def _routed(request: Request, path: str, backend: Backend) -> Response:
    if path == _SOAP_PATH:
        return await _soap(request, backend) if request.method == "POST" else _described(request)
    if path == out_of_scope.CONSOLE_SERVICE_PATH:
        return await _console_service(request, backend)
    if path == INVITATION_PATH.lower():
        return HTMLResponse(invitation_page(_query(request).get("code", "")))
    name = path[len(_PREFIX) : -len(_SUFFIX)]
    operation = BY_NAME.get(name) or out_of_scope.BY_NAME.get(name)
    if operation is None or not (path.startswith(_PREFIX) and path.endswith(_SUFFIX)):
        return _page(404)
    return await _text(request, operation, await _parameters(request), backend)


async def _text(request: Request, operation: Operation, given: Mapping[str, str], backend: Backend) -> Response:
    arguments = {}
    for parameter in operation.parameters:
        names = (parameter.name, *parameter.aliases)
        arguments[parameter.name] = next((given[name] for name in names if given.get(name)), "")

    def write(rows: Sequence[Row]) -> str:
        return as_text(operation.shape, rows)

    return await _answered(request, operation, arguments, backend, write, lambda word: word.text, str, _TEXT)


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

    return await _answered(request, operation, arguments, backend, write, fail, soap.text_of, version.content_type)


async def _console_service(request: Request, backend: Backend) -> Response:
    """Answer for the Technician Console's own web service, which is not emulated."""
    out_of_scope.say_once("the Technician Console's web service", backend.not_emulated)
    response = _page(404)
    if request.method == "POST":
        try:
            version, text = soap.error_of_console_service(await _body(request), request.headers.get("content-type", ""))
            response = Response(text, headers=_headers(version.content_type))
        except soap.NotSoap as error:
            response = Response(soap.fault(error.version, str(error)), 500, _headers(error.version.content_type))
    response.headers.update(out_of_scope.HEADERS)
    return response


async def _answered(
    request: Request,
    operation: Operation,
    arguments: Mapping[str, str],
    backend: Backend,
    write: Callable[[Sequence[Row]], str],
    fail: Callable[[Word], str],
    write_piece: Callable[[str], str],
    content_type: str,
) -> Response:
    """Perform the operation, and answer with what `write` makes of its rows, or with a word.

    A value that comes piece by piece is put where `write` would write it.
    """
    call = fault = None
    body: bytes | BinaryIO
    noted: Noted = request.scope[_NOTED]
    noted.method, word = operation.name, Word.OK
    try:
        facts = await backend.client.facts()
        if facts.faulted and (faulted := facts.faulted & {operation.name.lower(), operation.soap.lower()}):
            fault = await backend.client.take_fault(next(iter(faulted)))
            facts = await backend.client.facts()  # the call may have been delayed
        if fault is not None and fault.status:
            return _page(fault.status)
        if fault is not None and fault.word:
            raise MethodFailed(next((word for word in Word if word.text == fault.word), Word.ERROR))
        call = ApiCall(
            backend=backend,
            facts=facts,
            arguments=arguments,
            source=request.client.host if request.client else "",
            origin=_origin(request),
            cookie=request.cookies.get(COOKIE, ""),
        )
        body = await _performed(operation, call, write, write_piece, content_type)
        if call.kept_as is not None and request.method == "GET" and call.given(AUTHCODE.name):
            repeated = AdmittedRequest(facts.account, operation.name, call.user.name, content_type, call.kept_as)
            backend.answers.admit(request.scope["raw_path"], request.scope["query_string"], repeated)
    except MethodFailed as failed:
        word = failed.word
    except RescueError as error:
        log.warning("%s failed: %s", operation.name, error)
        word = Word.ERROR
    except Exception:
        log.exception("%s failed", operation.name)
        word = Word.ERROR
    if word is not Word.OK:
        body = fail(word).encode()
    noted.word = word.text
    noted.user = call.caller.name if call is not None and call.caller is not None else ""
    response = _response(body, _headers(content_type), is_cut=fault is not None and fault.is_cut)
    if operation in out_of_scope.OPERATIONS:
        out_of_scope.say_once(f"{operation.name} of the public API", backend.not_emulated)
        response.headers.update(out_of_scope.HEADERS)
    if call is not None and call.new_cookie:
        # Written by hand, because clients compare the vendor's very text, and libraries order the attributes otherwise.
        secure = "; Secure" if request.scope["scheme"] == "https" else ""
        response.headers["set-cookie"] = f"{COOKIE}={call.new_cookie}; path=/; HttpOnly{secure}"
    return response


async def _performed(
    operation: Operation,
    call: ApiCall,
    write: Callable[[Sequence[Row]], str],
    write_piece: Callable[[str], str],
    content_type: str,
) -> bytes | BinaryIO:
    """Return the body of a success. Raises MethodFailed, RescueError."""
    admit(operation, call)
    answers = call.backend.answers
    if call.caller is not None:
        call.kept_as = operation.name, content_type, call.asked
        if (kept := answers.find(call.kept_as, call.facts, call.facts.now)) is not None:
            return kept
    made = await operation.handler(call)
    if isinstance(made, AsyncIterator):
        call.kept_as = None
        head, _, tail = write(({"value": _HERE},)).partition(_HERE)
        return await spooled(head, made, tail, write_piece)
    text = write(made)
    if call.kept_as is None or call.holds_until is None:
        call.kept_as = None
        return text.encode()
    return answers.keep(call.kept_as, call.facts, call.holds_until, TimedText(text, call.counts_from))


def _response(body: bytes | BinaryIO, headers: dict[str, str], *, is_cut: bool) -> Response:
    if isinstance(body, bytes):
        return CutResponse(body, headers=headers) if is_cut else Response(body, headers=headers)
    return spooled_response(body, headers, is_cut=is_cut)


def _described(request: Request) -> Response:
    """Return the WSDL, the list of operations, or an operation's sample."""
    asked = {name.lower(): value for name, value in request.query_params.items()}
    if "wsdl" in asked:
        return Response(wsdl(f"{_origin(request)}/API/API.asmx"), headers=_headers(soap.Version.V1_1.content_type))
    page = sample_page(asked["op"]) if "op" in asked else operations_page()
    return _page(404) if page is None else HTMLResponse(page)


def _origin(request: Request) -> str:
    # Not by `request.url`, which is put together and taken apart: this is done for each request.
    return f"{request.scope['scheme']}://{request.headers.get('host', '')}"


def _headers(content_type: str) -> dict[str, str]:
    return {"Cache-Control": "private", "Content-Type": content_type}


async def _parameters(request: Request) -> dict[str, str]:
    """Return the parameters by name in lower case; those of the form win, if they are not empty.

    Bad bytes become U+FFFD.
    """
    given = _query(request)
    if request.method == "POST":
        form = _pairs(await _body(request))
        given |= {name: value for name, value in form.items() if value or name not in given}
    return given


def _query(request: Request) -> dict[str, str]:
    """Return the parameters of the query; a fragment, which some clients send, is none of it."""
    return _pairs(request.scope["query_string"].partition(b"#")[0])


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
