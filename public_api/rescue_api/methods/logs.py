"""What was said and noted in a session."""

from __future__ import annotations

from collections.abc import Sequence

from rescue_api.answers import Row
from rescue_api.calls import ApiCall
from rescue_api.words import MethodFailed, Word
from rescue_client.api_records import ChatAndNotes


async def get_chat(call: ApiCall) -> Sequence[Row]:
    """Return the chat log."""
    return ({"value": (await _log(call)).chat},)


async def get_note(call: ApiCall) -> Sequence[Row]:
    """Return the notes."""
    return ({"value": (await _log(call)).notes},)


async def _log(call: ApiCall) -> ChatAndNotes:
    """Return the log of the session that is named. Raises MethodFailed."""
    number = call.integer("session")
    if number is None:
        raise MethodFailed(Word.INVALID_SESSION)
    log = await call.backend.client.session_log(number)
    if log is None:
        raise MethodFailed(Word.ERROR)
    if call.user.is_technician and call.user.name not in log.participants:
        raise MethodFailed(Word.NOT_LOGGED_IN_AS_ADMIN)
    return log
