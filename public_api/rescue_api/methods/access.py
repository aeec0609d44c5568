"""Logging in, codes, and who is logged in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

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
    call.new_cookie = call.backend.logins.open(person.node, call.facts.now)
    return ()


async def logout(call: ApiCall) -> Sequence[Row]:
    """Make the cookie void; also without one that is done."""
    call.backend.logins.close(call.cookie, call.facts.now)
    return ()


async def request_authcode(call: ApiCall) -> Sequence[Row]:
    """Return a fresh code."""
    return await _issue(call, await _prove(call))


async def request_authcode_sso(call: ApiCall) -> Sequence[Row]:
    """Return a fresh code of the user with an SSO id; the password is that of the whole organization."""
    sso_id = call.given("ssoid")
    call.backend.limits.login(sso_id)
    if call.integer("company") != call.facts.account.account_id:
        raise MethodFailed(Word.INVALID_COMPANY)
    person = next((one for one in call.facts.account.people if one.sso_id == sso_id), None)
    with _refusals():
        await call.backend.client.check_sso_password(
            person.name if person else "", call.arguments.get("pwd", ""), source=call.source
        )
    return await _issue(call, person)


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
    call.backend.limits.login(call.given("email"))
    person = by_email(call.facts.account, call.given("email"))
    # Also for nobody: a guesser must not learn who exists, and their guesses count.
    name = person.name if person else ""
    with _refusals():
        await call.backend.client.check_secret(name, call.arguments.get("pwd", ""), source=call.source)
    if person is None:
        raise MethodFailed(Word.INVALID)
    return person


async def _issue(call: ApiCall, person: Person | None) -> Sequence[Row]:
    if person is None:
        raise MethodFailed(Word.INVALID)
    code = new_code()
    await call.backend.client.issue_authcode(person.name, hash_code(code))
    return ({"value": code},)


@contextmanager
def _refusals() -> Iterator[None]:
    """Turn what the server refuses into words."""
    try:
        yield
    except Unauthenticated as error:
        disabled = error.reason == "USER_DISABLED"
        raise MethodFailed(Word.USER_DELETED_OR_DISABLED if disabled else Word.INVALID) from None
    except ResourceExhausted:
        raise MethodFailed(Word.LIMIT_REACHED) from None
