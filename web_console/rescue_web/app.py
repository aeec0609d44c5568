"""What a browser can ask of the companion, and what it must show for it.

Only a page of ours, in a browser that signed in, may change anything: a cookie that no other site's request carries
(SameSite=Strict) and no script can read, the visit's proof in a header that no other site can set, an Origin that is
ours, and a Host that we answer to. Pages hold no inline script or style, and nothing from elsewhere.
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

from rescue_console.labels import LANGUAGES
from rescue_protos.errors import PermissionDenied, RescueError, ResourceExhausted, Unauthenticated, Unavailable
from rescue_web.computers import NotPossible
from rescue_web.logins import COOKIE, Visit
from rescue_web.middleware import OwnName, StrictHeaders
from rescue_web.state import House
from rescue_web.texts import words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection

_LONGEST_BODY = 64 * 1024
_KINDS = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}


def build(house: House, *, hosts: Collection[str]) -> Starlette:
    """Return the application. `hosts` are the names, without port, that it answers to beside addresses."""
    front = _Front(house)
    routes = [
        Route("/", front.page),
        Route("/page/{file}", front.file),
        Route("/words", front.words),
        Route("/sign-in", front.sign_in, methods=["POST"]),
        Route("/sign-out", front.changing(front.sign_out), methods=["POST"]),
        Route("/me", front.reading(front.me)),
        Route("/events", front.reading(front.events)),
        Route("/directory", front.reading(front.directory)),
        Route("/history/{session}", front.reading(front.history)),
        Route("/timeline/{session}", front.reading(front.timeline)),
        Route("/line", front.changing(front.line), methods=["POST"]),
        Route("/focus", front.changing(front.focus), methods=["POST"]),
        Route("/clock", front.changing(front.clock), methods=["POST"]),
        Route("/computers", front.changing(front.new_computer), methods=["POST"]),
        Route("/computers/{number:int}", front.changing(front.switch), methods=["POST"]),
    ]

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await house.close()

    middleware = [Middleware(StrictHeaders), Middleware(OwnName, names=hosts)]
    return Starlette(routes=routes, middleware=middleware, lifespan=lifespan, exception_handlers={HTTPException: _told})


def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # it is registered for these
    return JSONResponse({"ok": False, "message": error.detail}, status_code=error.status_code)


Answering = Callable[[Request, Visit], Awaitable[Response]]
Changing = Callable[[Request, Visit, dict[str, Any]], Awaitable[Response]]


class _Front:
    def __init__(self, house: House) -> None:
        self._house = house

    # Who asks

    def reading(self, answer: Answering) -> Callable[[Request], Awaitable[Response]]:
        """Let only those in who are signed in."""

        async def guarded(request: Request) -> Response:
            visit = self._visit(request)
            return await self._answered(visit, answer(request, visit))

        return guarded

    def changing(self, answer: Changing) -> Callable[[Request], Awaitable[Response]]:
        """Let only those in who are signed in and come from a page of ours."""

        async def guarded(request: Request) -> Response:
            visit = self._visit(request)
            if not hmac.compare_digest(request.headers.get("x-rescue-proof", "").encode(), visit.proof.encode()):
                raise HTTPException(403, "this does not come from a page of this console")
            return await self._answered(visit, answer(request, visit, await _body(request)))

        return guarded

    async def _answered(self, visit: Visit, answer: Awaitable[Response]) -> Response:
        try:
            return await answer
        except NotPossible as error:
            raise HTTPException(409, str(error)) from None
        except Unauthenticated as error:
            # Removed, or with another secret: without a visit the page shows the door and does not ask for ever.
            await self._house.visits.end(visit)
            raise _refused(error) from None
        except RescueError as error:
            raise _refused(error) from None

    def _visit(self, request: Request) -> Visit:
        visit = self._house.visits.find(request.cookies.get(COOKIE, ""))
        if visit is None:
            raise HTTPException(401, "sign in first")
        return visit

    # Pages

    async def page(self, request: Request) -> Response:
        visit = self._house.visits.find(request.cookies.get(COOKIE, ""))
        name = "sign-in" if visit is None else "supervisor" if visit.supervision else "console"
        return _file(f"{name}.html")

    async def file(self, request: Request) -> Response:
        name = request.path_params["file"]
        if name.endswith(".html"):
            return RedirectResponse("/", 303)
        return _file(name)

    async def words(self, request: Request) -> Response:
        return JSONResponse(words(_language(request)))

    async def sign_in(self, request: Request) -> Response:
        asked = await _body(request)
        user, secret = asked.get("user"), asked.get("secret")
        if not isinstance(user, str) or not isinstance(secret, str) or not user or not secret:
            raise HTTPException(400, "a name and a secret are needed")
        visit = await self._welcomed(user, secret)
        if (former := self._house.visits.find(request.cookies.get(COOKIE, ""))) is not None:
            await self._house.visits.end(former)
        answer = JSONResponse({"ok": True})
        secure = request.url.scheme == "https"
        answer.set_cookie(COOKIE, visit.key, httponly=True, samesite="strict", secure=secure, path="/")
        return answer

    async def _welcomed(self, user: str, secret: str) -> Visit:
        try:
            return await self._house.welcome(user, secret)
        except Unauthenticated:
            raise HTTPException(401, "The name or the secret is not right.") from None
        except RescueError as error:
            raise _refused(error) from None

    async def sign_out(self, request: Request, visit: Visit, asked: dict[str, Any]) -> Response:
        await self._house.visits.end(visit)
        answer = JSONResponse({"ok": True})
        answer.delete_cookie(COOKIE, path="/", httponly=True, samesite="strict")
        return answer

    # What pages ask

    async def me(self, request: Request, visit: Visit) -> Response:
        return JSONResponse({"user": visit.user, "supervisor": visit.supervision is not None, "proof": visit.proof})

    async def events(self, request: Request, visit: Visit) -> Response:
        if request.query_params.get("user", visit.user) != visit.user:
            raise HTTPException(401, "somebody else has signed in here")  # in another tab of this browser
        last = request.headers.get("last-event-id", request.query_params.get("after", ""))
        after = int(last) if last.isdecimal() and len(last) < 19 else None
        page = request.query_params.get("page", "")[:64]
        source = visit.desk or visit.supervision
        assert source is not None  # a visit is one of the two
        return StreamingResponse(source.messages(page, after), media_type="text/event-stream")

    async def directory(self, request: Request, visit: Visit) -> Response:
        return JSONResponse(await self._house.directory(visit))

    async def history(self, request: Request, visit: Visit) -> Response:
        return JSONResponse(await self._house.history(visit, request.path_params["session"], _language(request)))

    async def timeline(self, request: Request, visit: Visit) -> Response:
        drawn = await self._house.timeline(visit, request.path_params["session"], _language(request))
        return Response(drawn, media_type=_KINDS["svg"])

    async def line(self, request: Request, visit: Visit, asked: dict[str, Any]) -> Response:
        if visit.desk is None:
            raise HTTPException(403, "an administrator has no queue")
        return JSONResponse(await visit.desk.answer(_text(asked, "line"), _language(request)))

    async def focus(self, request: Request, visit: Visit, asked: dict[str, Any]) -> Response:
        if visit.desk is not None:
            await visit.desk.focus(_text(asked, "page"), asked.get("on") is True)
        return JSONResponse({"ok": True})

    async def clock(self, request: Request, visit: Visit, asked: dict[str, Any]) -> Response:
        supervision = _supervision(visit)
        clock = await supervision.turn_clock(_text(asked, "what"), _text(asked, "value"))
        return JSONResponse({"ok": True, "clock": clock})

    async def new_computer(self, request: Request, visit: Visit, asked: dict[str, Any]) -> Response:
        _supervision(visit)
        await self._house.computers.start(
            name=_text(asked, "name"), pin=_text(asked, "pin"), channel=_text(asked, "channel")
        )
        return JSONResponse({"ok": True})

    async def switch(self, request: Request, visit: Visit, asked: dict[str, Any]) -> Response:
        _supervision(visit)
        await self._house.computers.switch(request.path_params["number"], _text(asked, "switch"))
        return JSONResponse({"ok": True})


def _supervision(visit: Visit) -> Any:
    if visit.supervision is None:
        raise HTTPException(403, "only an administrator may do this")
    return visit.supervision


async def _body(request: Request) -> dict[str, Any]:
    """Return the JSON object that a page of ours sent."""
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


def _text(asked: dict[str, Any], name: str) -> str:
    value = asked.get(name, "")
    if not isinstance(value, str):
        raise HTTPException(400, f"{name} is a text")
    return value


def _language(request: Request) -> str:
    asked = request.query_params.get("lang", "")
    return asked if asked in LANGUAGES else LANGUAGES[0]


def _file(name: str) -> Response:
    kind = _KINDS.get(name.rpartition(".")[2])
    found = resources.files("rescue_web").joinpath("page").joinpath(name)
    if kind is None or "/" in name or not found.is_file():
        raise HTTPException(404, "there is no such page")
    return Response(found.read_text(encoding="utf-8"), media_type=f"{kind}; charset=utf-8")


def _refused(error: RescueError) -> HTTPException:
    if isinstance(error, Unavailable):
        return HTTPException(503, "the server is away")
    known = {Unauthenticated: 401, PermissionDenied: 403, ResourceExhausted: 429}
    return HTTPException(known.get(type(error), 409), str(error) or error.code)
