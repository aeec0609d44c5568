"""The HTTP routes of a technician's exercises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from rescue_web.requests import language_of, text_in

if TYPE_CHECKING:
    from starlette.requests import Request

    from rescue_web.logins import Login
    from rescue_web.training import Training


async def list_exercises(request: Request, login: Login) -> Response:
    """Answer with the exercises of all rows."""
    return JSONResponse({"exercises": await _training(login).listed(language_of(request))})


async def do_exercise(request: Request, login: Login, body: dict[str, Any]) -> Response:
    """Do what the body says: start, next, hint, answer or stop."""
    training, language = _training(login), language_of(request)
    predict = body.get("predict")
    if predict is not None and not isinstance(predict, bool):
        raise HTTPException(400, "predict is true or false")
    match text_in(body, "what"):
        case "start":
            await training.start(text_in(body, "row"), language=language, predict=predict)
        case "next":
            await training.start_next(language=language, predict=predict)
        case "hint":
            training.hint()
        case "answer":
            training.answer(text_in(body, "text"))
        case "stop":
            await training.stop()
        case _:
            raise HTTPException(400, "start, next, hint, answer and stop are possible")
    return JSONResponse({"ok": True})


def _training(login: Login) -> Training:
    if login.training is None:
        raise HTTPException(403, "an administrator has no queue")
    return login.training
