"""The HTTP routes of the trainer's page. They are for administrators."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, RedirectResponse, Response

from rescue_client.admin import AdminClient
from rescue_emulator.exercises.model import row_exercises
from rescue_emulator.exercises.texts import ExerciseTexts
from rescue_web.files import page_file
from rescue_web.requests import language_of, login_cookie_of, text_in, visitor_of

if TYPE_CHECKING:
    from starlette.requests import Request

    from rescue_web.logins import Login
    from rescue_web.state import AppState
    from rescue_web.supervisor_page import SupervisorPage


_FILES = {
    "handout": ("handout.html", "text/html"),
    "html": ("report.html", "text/html"),
    "csv": ("scores.csv", "text/csv"),
    "json": ("scores.jsonl", "application/x-ndjson"),
    "junit": ("scores.xml", "application/xml"),
}
"""What can be kept, with the name and the type of its file."""


class ClassRoutes:
    """The routes under /class."""

    def __init__(self, state: AppState) -> None:
        self._state = state

    async def page(self, request: Request) -> Response:
        """Answer with the page; whoever is no administrator gets their own."""
        login = await self._state.login_of(
            request.cookies.get(login_cookie_of(request), ""), visitor=visitor_of(request)
        )
        if login is None or login.supervisor_page is None:
            return RedirectResponse("/", 303)
        return page_file("class.html")

    async def exercises(self, request: Request, login: Login) -> Response:
        """Answer with the titles of all exercises."""
        texts = ExerciseTexts(language_of(request))
        return JSONResponse({one.name: texts.title(one) for one in row_exercises()})

    async def report(self, request: Request, login: Login) -> Response:
        """Answer with a report or the handout of a class, as a file to keep."""
        _trainers(login)
        name, what = str(request.path_params["name"]), str(request.path_params["what"])
        if what not in _FILES:
            raise HTTPException(404, "there is no such page")
        web = str(request.base_url).rstrip("/")
        content = await asyncio.to_thread(self._state.classes.written, name, what, language_of(request), web=web)
        file, media_type = _FILES[what]
        headers = {"content-disposition": f'attachment; filename="{name}-{file}"'}
        return Response(content, media_type=media_type, headers=headers)

    async def act(self, request: Request, login: Login, body: dict[str, Any]) -> Response:
        """Do what the body says for the people in `who`, technicians of the class; for all of it if that is empty."""
        page, classes = _trainers(login), self._state.classes
        lesson = classes.lesson(text_in(body, "class"))
        who, admin = classes.accounts(lesson, body.get("who", [])), AdminClient(page.connection)
        match text_in(body, "what"):
            case "start":
                row, predict = text_in(body, "row"), body.get("predict") is True or None
                await classes.start(lesson, who, row, language=language_of(request), predict=predict)
            case "stop":
                await lesson.stop(who)
            case "reset":
                await classes.reset(admin, lesson, who)
            case "off" | "on" as state:
                await classes.cable(lesson, who, state, page.overview)
            case "code" if len(who) == 1:
                await classes.new_code(admin, lesson, who[0])
            case _:
                raise HTTPException(400, "start, stop, reset, off, on and code are possible")
        return JSONResponse({"ok": True})


def _trainers(login: Login) -> SupervisorPage:
    if login.supervisor_page is None:
        raise HTTPException(403, "only an administrator may do this")
    return login.supervisor_page
