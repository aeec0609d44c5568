"""The HTTP routes of the companion, and what a request needs.

Only our own pages, in a browser that is signed in, can change anything. Such a request has a cookie that no other
site's request carries (SameSite=Strict) and no script can read, the login's proof in a header that no other site can
set, our Origin, and a Host that we answer to. Pages have no inline script or style, and nothing from elsewhere.
"""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from rescue_protos.errors import RescueError, Unauthenticated
from rescue_web.class_routes import ClassRoutes
from rescue_web.computers import NotPossible
from rescue_web.customer_routes import CustomerRoutes
from rescue_web.exercise_routes import do_exercise, list_exercises
from rescue_web.feed import EventId
from rescue_web.files import page_file
from rescue_web.logins import Login
from rescue_web.middleware import OwnName, StrictHeaders
from rescue_web.requests import NOT_OURS, body_of, language_of, login_cookie_of, refused, text_in, visitor_of
from rescue_web.state import AppState
from rescue_web.texts import page_text, page_texts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection


def build(state: AppState, *, hosts: Collection[str], login_cookie: str = "") -> Starlette:
    """Return the application. `hosts` are the host names, without port, that it answers to beside addresses.

    `login_cookie` is a name that other servers have, too.
    """
    endpoints, classes = _Routes(state), ClassRoutes(state)
    routes = [
        Route("/", endpoints.page),
        Route("/page/{file}", endpoints.file),
        Route("/texts", endpoints.texts),
        Route("/sign-in", endpoints.sign_in, methods=["POST"]),
        # A link may be opened by whoever checks links: only what the page sends uses the code.
        *(Route(path, endpoints.enter) for path in ("/join", "/join/{code}")),
        Route("/join", endpoints.join, methods=["POST"]),
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
        Route("/exercises", endpoints.reading(list_exercises)),
        Route("/exercise", endpoints.changing(do_exercise), methods=["POST"]),
        Route("/class", classes.page),
        Route("/class/exercises", endpoints.reading(classes.exercises)),
        Route("/class/report/{name}/{what}", endpoints.reading(classes.report)),
        Route("/class/act", endpoints.changing(classes.act), methods=["POST"]),
        *CustomerRoutes(state.customers).routes(),
    ]

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        state.begin()
        yield
        await state.close()

    middleware = [Middleware(StrictHeaders), Middleware(OwnName, names=hosts)]
    app = Starlette(
        routes=routes, middleware=middleware, lifespan=lifespan, exception_handlers={HTTPException: _answered_error}
    )
    app.state.login_cookie = login_cookie
    return app


def _answered_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):  # it is registered for no others
        raise error
    message = page_text(error.detail, language_of(request))
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
            login = await self._login(request)
            return await self._answered(request, login, answer(request, login))

        return guarded

    def changing(self, answer: Changing) -> Callable[[Request], Awaitable[Response]]:
        """Require a login, and that the request comes from one of our pages."""

        async def guarded(request: Request) -> Response:
            login = await self._login(request)
            if not hmac.compare_digest(request.headers.get("x-rescue-proof", "").encode(), login.proof.encode()):
                raise HTTPException(403, NOT_OURS)
            return await self._answered(request, login, answer(request, login, await body_of(request)))

        return guarded

    async def _answered(self, request: Request, login: Login, answer: Awaitable[Response]) -> Response:
        language = language_of(request)
        try:
            return await answer
        except NotPossible as error:
            raise HTTPException(409, error.text(language)) from None
        except Unauthenticated as error:
            # The user was removed or has another secret. Without a login the page shows the sign-in and does not retry.
            await self._state.logins.end(login)
            raise refused(error, language) from None
        except RescueError as error:
            raise refused(error, language) from None

    async def _known(self, request: Request) -> Login | None:
        cookie = request.cookies.get(login_cookie_of(request), "")
        return await self._state.login_of(cookie, visitor=visitor_of(request))

    async def _login(self, request: Request) -> Login:
        if (login := await self._known(request)) is None:
            raise HTTPException(401, "sign in first")
        return login

    # Pages

    async def page(self, request: Request) -> Response:
        login = await self._known(request)
        name = "sign-in" if login is None else "supervisor" if login.supervisor_page else "console"
        return page_file(f"{name}.html")

    async def file(self, request: Request) -> Response:
        name = request.path_params["file"]
        if name.endswith(".html"):
            return RedirectResponse("/", 303)
        return page_file(name)

    async def texts(self, request: Request) -> Response:
        language, login = language_of(request), await self._known(request)
        if login is not None and login.training is not None:
            login.training.shown_in(language)
        return JSONResponse(page_texts(language))

    async def sign_in(self, request: Request) -> Response:
        body = await body_of(request)
        user, secret = body.get("user"), body.get("secret")
        if not isinstance(user, str) or not isinstance(secret, str) or not user or not secret:
            raise HTTPException(400, "a name and a secret are needed")
        return await self._begun(request, await self._signed_in(user, secret, request))

    async def _begun(self, request: Request, login: Login) -> Response:
        """Answer with the cookie of a new login, which takes the place of this browser's former one."""
        if (former := await self._known(request)) is not None:
            await self._state.logins.end(former)
        answer = JSONResponse({"ok": True})
        secure, cookie = request.url.scheme == "https", login_cookie_of(request)
        answer.set_cookie(cookie, login.key, httponly=True, samesite="strict", secure=secure, path="/")
        return answer

    async def _signed_in(self, user: str, secret: str, request: Request) -> Login:
        try:
            return await self._state.sign_in(user, secret, visitor=visitor_of(request))
        except Unauthenticated:
            raise HTTPException(401, "The name or the secret is not right.") from None
        except RescueError as error:
            raise refused(error, language_of(request)) from None

    async def enter(self, request: Request) -> Response:
        return page_file("enter.html")

    async def join(self, request: Request) -> Response:
        body = await body_of(request)
        code, joiner = text_in(body, "code"), text_in(body, "joiner")
        if not code.strip():
            raise HTTPException(400, "a code is needed")
        try:
            login = await self._state.join(code, joiner=joiner, visitor=visitor_of(request))
        except RescueError as error:
            raise refused(error, language_of(request)) from None
        return await self._begun(request, login)

    async def sign_out(self, request: Request, login: Login, body: dict[str, Any]) -> Response:
        await self._state.logins.end(login)
        answer = JSONResponse({"ok": True})
        answer.delete_cookie(login_cookie_of(request), path="/", httponly=True, samesite="strict")
        return answer

    # What pages request

    async def me(self, request: Request, login: Login) -> Response:
        about = {"supervisor": login.supervisor_page is not None, "channel": self._state.classes.channel_of(login.user)}
        return JSONResponse({"user": login.user, "proof": login.proof, **about})

    async def events(self, request: Request, login: Login) -> Response:
        if request.query_params.get("user", login.user) != login.user:
            raise HTTPException(401, "somebody else has signed in here")  # in another tab of this browser
        last = request.headers.get("last-event-id", request.query_params.get("after", ""))
        page = request.query_params.get("page", "")[:64]
        return StreamingResponse(login.page.messages(page, EventId.read(last)), media_type="text/event-stream")

    async def directory(self, request: Request, login: Login) -> Response:
        return JSONResponse(await self._state.directory(login))

    async def history(self, request: Request, login: Login) -> Response:
        return JSONResponse(await self._state.history(login, request.path_params["session"], language_of(request)))

    async def timeline(self, request: Request, login: Login) -> Response:
        drawn = await self._state.timeline(login, request.path_params["session"], language_of(request))
        return Response(drawn, media_type="image/svg+xml")

    async def line(self, request: Request, login: Login, body: dict[str, Any]) -> Response:
        if login.technician_page is None:
            raise HTTPException(403, "an administrator has no queue")
        return JSONResponse(await login.technician_page.answer(text_in(body, "line"), language_of(request)))

    async def focus(self, request: Request, login: Login, body: dict[str, Any]) -> Response:
        if login.technician_page is not None:
            await login.technician_page.focus(text_in(body, "page"), body.get("on") is True)
        return JSONResponse({"ok": True})

    async def clock(self, request: Request, login: Login, body: dict[str, Any]) -> Response:
        supervisor_page = _supervisor_page(login)
        clock = await supervisor_page.turn_clock(text_in(body, "what"), text_in(body, "value"))
        return JSONResponse({"ok": True, "clock": clock})

    async def reset(self, request: Request, login: Login, body: dict[str, Any]) -> Response:
        await _supervisor_page(login).reset()
        return JSONResponse({"ok": True})

    async def new_computer(self, request: Request, login: Login, body: dict[str, Any]) -> Response:
        _supervisor_page(login)
        await self._state.computers.start(
            name=text_in(body, "name"), pin=text_in(body, "pin"), channel=text_in(body, "channel")
        )
        return JSONResponse({"ok": True})

    async def switch(self, request: Request, login: Login, body: dict[str, Any]) -> Response:
        _supervisor_page(login)
        await self._state.computers.switch(request.path_params["number"], text_in(body, "switch"))
        return JSONResponse({"ok": True})


def _supervisor_page(login: Login) -> Any:
    if login.supervisor_page is None:
        raise HTTPException(403, "only an administrator may do this")
    return login.supervisor_page
