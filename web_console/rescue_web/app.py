"""The HTTP routes of the companion, and what a request needs.

Only our own pages, in a browser that is signed in, can change anything. Such a request has a cookie that no other
site's request carries (SameSite=Strict) and no script can read, the login's proof in a header that no other site can
set, our Origin, and a Host that we answer to. Pages have no inline script or style, and nothing from elsewhere.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from importlib import resources
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from rescue_common.languages import LANGUAGES
from rescue_console.labels import Labels
from rescue_protos.errors import PermissionDenied, RescueError, ResourceExhausted, Unauthenticated, Unavailable
from rescue_web.computers import NotPossible
from rescue_web.feed import EventId
from rescue_web.logins import Login, cookie_name
from rescue_web.middleware import OwnName, StrictHeaders
from rescue_web.state import AppState
from rescue_web.texts import page_text, page_texts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

_LONGEST_BODY = 64 * 1024
_KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def build(state: AppState, *, hosts: Collection[str]) -> Starlette:
    """Return the application. `hosts` are the host names, without port, that it answers to beside addresses."""
    endpoints = _Routes(state)
    routes = [
        Route("/", endpoints.page),
        Route("/page/{file}", endpoints.file),
        Route("/texts", endpoints.texts),
        Route("/sign-in", endpoints.sign_in, methods=["POST"]),
        Route("/sign-out", endpoints.changing(endpoints.sign_out), methods=["POST"]),
        Route("/me", endpoints.reading(endpoints.me)),
        Route("/events", endpoints.reading(endpoints.events)),
        Route("/directory", endpoints.reading(endpoints.directory)),
        Route("/history/{session}", endpoints.reading(endpoints.history)),
        Route("/timeline/{session}", endpoints.reading(endpoints.timeline)),
        Route("/line", endpoints.changing(endpoints.line), methods=["POST"]),
        Route("/focus", endpoints.changing(endpoints.focus), methods=["POST"]),
        Route("/clock", endpoints.changing(endpoints.clock), methods=["POST"]),
        Route("/reset", endpoints.changing(endpoints.reset), methods=["POST"]),
        Route("/computers", endpoints.changing(endpoints.new_computer), methods=["POST"]),
        Route("/computers/{number:int}", endpoints.changing(endpoints.switch), methods=["POST"]),
    ]

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await state.close()

    middleware = [Middleware(StrictHeaders), Middleware(OwnName, names=hosts)]
    return Starlette(
        routes=routes, middleware=middleware, lifespan=lifespan, exception_handlers={HTTPException: _answered_error}
    )


def _answered_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):  # it is registered for no others
        raise error
    message = page_text(error.detail, _language(request))
    return JSONResponse({"ok": False, "message": message}, status_code=error.status_code)


Answering = Callable[[Request, Login], Awaitable[Response]]
Changing = Callable[[Request, Login, dict[str, Any]], Awaitable[Response]]


class _Routes:
    def __init__(self, state: AppState) -> None:
        self._state = state

    # Authentication

    def reading(self, answer: Answering) -> Callable[[Request], Awaitable[Response]]:
        """Require a login."""

        async def guarded(request: Request) -> Response:
            login = self._login(request)
            return await self._answered(request, login, answer(request, login))

        return guarded

    def changing(self, answer: Changing) -> Callable[[Request], Awaitable[Response]]:
        """Require a login, and that the request comes from one of our pages."""

        async def guarded(request: Request) -> Response:
            login = self._login(request)
            if not hmac.compare_digest(request.headers.get("x-rescue-proof", "").encode(), login.proof.encode()):
                raise HTTPException(403, "this does not come from a page of this console")
            return await self._answered(request, login, answer(request, login, await _body(request)))

        return guarded

    async def _answered(self, request: Request, login: Login, answer: Awaitable[Response]) -> Response:
        language = _language(request)
        try:
            return await answer
        except NotPossible as error:
            raise HTTPException(409, page_text(error.template, language, **error.facts)) from None
        except Unauthenticated as error:
            # The user was removed or has another secret. Without a login the page shows the sign-in and does not retry.
            await self._state.logins.end(login)
            raise _refused(error, language) from None
        except RescueError as error:
            raise _refused(error, language) from None

    def _login(self, request: Request) -> Login:
        login = self._state.logins.find(request.cookies.get(_cookie(request), ""))
        if login is None:
            raise HTTPException(401, "sign in first")
        return login

    # Pages

    async def page(self, request: Request) -> Response:
        login = self._state.logins.find(request.cookies.get(_cookie(request), ""))
        name = "sign-in" if login is None else "supervisor" if login.supervisor_page else "console"
        return _file(f"{name}.html")

    async def file(self, request: Request) -> Response:
        name = request.path_params["file"]
        if name.endswith(".html"):
            return RedirectResponse("/", 303)
        return _file(name)

    async def texts(self, request: Request) -> Response:
        return JSONResponse(page_texts(_language(request)))

    async def sign_in(self, request: Request) -> Response:
        body = await _body(request)
        user, secret = body.get("user"), body.get("secret")
        if not isinstance(user, str) or not isinstance(secret, str) or not user or not secret:
            raise HTTPException(400, "a name and a secret are needed")
        login = await self._signed_in(user, secret, request)
        if (former := self._state.logins.find(request.cookies.get(_cookie(request), ""))) is not None:
            await self._state.logins.end(former)
        answer = JSONResponse({"ok": True})
        secure = request.url.scheme == "https"
        answer.set_cookie(_cookie(request), login.key, httponly=True, samesite="strict", secure=secure, path="/")
        return answer

    async def _signed_in(self, user: str, secret: str, request: Request) -> Login:
        visitor = request.client.host if request.client else ""
        try:
            return await self._state.sign_in(user, secret, visitor=visitor)
        except Unauthenticated:
            raise HTTPException(401, "The name or the secret is not right.") from None
        except RescueError as error:
            raise _refused(error, _language(request)) from None

    async def sign_out(self, request: Request, login: Login, body: dict[str, Any]) -> Response:
        await self._state.logins.end(login)
        answer = JSONResponse({"ok": True})
        answer.delete_cookie(_cookie(request), path="/", httponly=True, samesite="strict")
        return answer

    # What pages request

    async def me(self, request: Request, login: Login) -> Response:
        return JSONResponse({"user": login.user, "supervisor": login.supervisor_page is not None, "proof": login.proof})

    async def events(self, request: Request, login: Login) -> Response:
        if request.query_params.get("user", login.user) != login.user:
            raise HTTPException(401, "somebody else has signed in here")  # in another tab of this browser
        last = request.headers.get("last-event-id", request.query_params.get("after", ""))
        page = request.query_params.get("page", "")[:64]
        return StreamingResponse(login.page.messages(page, EventId.read(last)), media_type="text/event-stream")

    async def directory(self, request: Request, login: Login) -> Response:
        return JSONResponse(await self._state.directory(login))

    async def history(self, request: Request, login: Login) -> Response:
        return JSONResponse(await self._state.history(login, request.path_params["session"], _language(request)))

    async def timeline(self, request: Request, login: Login) -> Response:
        drawn = await self._state.timeline(login, request.path_params["session"], _language(request))
        return Response(drawn, media_type=_KINDS["svg"])

    async def line(self, request: Request, login: Login, body: dict[str, Any]) -> Response:
        if login.technician_page is None:
            raise HTTPException(403, "an administrator has no queue")
        return JSONResponse(await login.technician_page.answer(_text(body, "line"), _language(request)))

    async def focus(self, request: Request, login: Login, body: dict[str, Any]) -> Response:
        if login.technician_page is not None:
            await login.technician_page.focus(_text(body, "page"), body.get("on") is True)
        return JSONResponse({"ok": True})

    async def clock(self, request: Request, login: Login, body: dict[str, Any]) -> Response:
        supervisor_page = _supervisor_page(login)
        clock = await supervisor_page.turn_clock(_text(body, "what"), _text(body, "value"))
        return JSONResponse({"ok": True, "clock": clock})

    async def reset(self, request: Request, login: Login, body: dict[str, Any]) -> Response:
        await _supervisor_page(login).reset()
        return JSONResponse({"ok": True})

    async def new_computer(self, request: Request, login: Login, body: dict[str, Any]) -> Response:
        _supervisor_page(login)
        await self._state.computers.start(
            name=_text(body, "name"), pin=_text(body, "pin"), channel=_text(body, "channel")
        )
        return JSONResponse({"ok": True})

    async def switch(self, request: Request, login: Login, body: dict[str, Any]) -> Response:
        _supervisor_page(login)
        await self._state.computers.switch(request.path_params["number"], _text(body, "switch"))
        return JSONResponse({"ok": True})


def _supervisor_page(login: Login) -> Any:
    if login.supervisor_page is None:
        raise HTTPException(403, "only an administrator may do this")
    return login.supervisor_page


async def _body(request: Request) -> dict[str, Any]:
    """Return the JSON object that one of our pages sent."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != request.headers.get("host", ""):
        raise HTTPException(403, "this does not come from a page of this console")
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


def _text(body: dict[str, Any], name: str) -> str:
    value = body.get(name, "")
    if not isinstance(value, str):
        raise HTTPException(400, f"{name} is a text")
    return value


def _cookie(request: Request) -> str:
    _, port = request.scope["server"]  # where we listen, whatever name or port the browser used
    return cookie_name(port)


def _language(request: Request) -> str:
    body = request.query_params.get("lang", "")
    return body if body in LANGUAGES else LANGUAGES[0]


def _file(name: str) -> Response:
    kind = _KINDS.get(name.rpartition(".")[2])
    found = resources.files("rescue_web").joinpath("page").joinpath(name)
    if kind is None or "/" in name or not found.is_file():
        raise HTTPException(404, "there is no such page")
    return Response(found.read_text(encoding="utf-8"), media_type=f"{kind}; charset=utf-8")


def _refused(error: RescueError, language: str) -> HTTPException:
    if isinstance(error, Unavailable):
        return HTTPException(503, "the server is away")
    message = Labels.of(language).refusal(error)
    known = {Unauthenticated: 401, PermissionDenied: 403, ResourceExhausted: 429}
    return HTTPException(known.get(type(error), 409), message)
