"""Logging in, codes, and who is logged in."""

from __future__ import annotations

from collections.abc import Sequence

from rescue_api.answers import Row
from rescue_api.calls import ApiCall
from rescue_api.people import by_email
from rescue_api.words import MethodFailed, Word
from rescue_client.api_records import Person
from rescue_client.people import hash_code, new_code
from rescue_protos.errors import ResourceExhausted, Unauthenticated


async def login(call: ApiCall) -> Sequence[Row]:
    """Set a cookie."""
    person = await _prove(call)
    call.new_cookie = call.backend.logins.open(person.name, call.facts.now)
    return ()


async def logout(call: ApiCall) -> Sequence[Row]:
    """Make the cookie void; also without one that is done."""
    call.backend.logins.close(call.cookie)
    return ()


async def request_authcode(call: ApiCall) -> Sequence[Row]:
    """Return a fresh code."""
    person = await _prove(call)
    code = new_code()
    await call.backend.client.issue_authcode(person.name, hash_code(code))
    return ({"value": code},)


async def get_account(call: ApiCall) -> Sequence[Row]:
    """Return who is logged in."""
    user, account = call.user, call.facts.account
    row: Row = {
        "account": account.account_id,
        "organization": account.organization_name,
        "admin": 0 if user.is_technician else user.node,
        "technician": user.node if user.is_technician else 0,
        "email": user.email,
        "running": user.name in call.facts.connected,
    }
    return (row,)


async def _prove(call: ApiCall) -> Person:
    """Return the user whose e-mail and password came. Raises MethodFailed."""
    person = by_email(call.facts.account, call.given("email"))
    try:
        # Also for nobody: a guesser must not learn who exists, and their guesses count.
        name = person.name if person else ""
        await call.backend.client.check_secret(name, call.arguments.get("pwd", ""), source=call.source)
    except Unauthenticated as error:
        disabled = error.reason == "USER_DISABLED"
        raise MethodFailed(Word.USER_DELETED_OR_DISABLED if disabled else Word.INVALID) from None
    except ResourceExhausted:
        raise MethodFailed(Word.LIMIT_REACHED) from None
    if person is None:
        raise MethodFailed(Word.INVALID)
    return person
