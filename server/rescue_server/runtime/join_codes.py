"""Join codes: short codes with which technicians join without knowing their secret.

A code belongs to whoever uses it first. They prove that it was they with a random text that their program keeps, so
they can join again after a closed window, and nobody else can. Codes expire in real time: the emulated clock is moved
at will.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import datetime, timedelta

from rescue_protos.errors import InvalidArgument, JoinCodeRefused, Unauthenticated
from rescue_server.core import decide
from rescue_server.core.organization import JoinCodeIssued, JoinCodeUsed, Organization
from rescue_server.runtime.engine import Answer, Handler, Outcome
from rescue_server.runtime.state import EngineState

_ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Without 0, O, 1, I and L, which people mistake for each other."""
LENGTH = 8
"""Letters of a code: 31**8 codes, some 40 bits."""
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=366)
_JOINER = re.compile(r"[\w.~+/=-]{16,64}", re.ASCII)
_UNKNOWN = "the join code is not known: look for a typing error, or ask for a new code"


def derive_code(key: bytes, request_id: str, fingerprint: str) -> str:
    """Return the code that belongs to a request, written XXXX-XXXX. A repeated request gets the same one."""
    number = int.from_bytes(hmac.new(key, f"join:{fingerprint}:{request_id}".encode(), hashlib.sha256).digest())
    letters = []
    for _ in range(LENGTH):
        number, place = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[place])
    code = "".join(letters)
    return f"{code[:4]}-{code[4:]}"


def hash_code(code: str) -> str:
    """Return what is stored of a code. Lower case, spaces and hyphens make no difference."""
    return hashlib.sha256(re.sub(r"[\s-]", "", code).upper().encode()).hexdigest()


def issue(by: str, technician: str, code: str, *, until: datetime) -> Handler:
    """Give a technician a code to join with, in the place of their former one."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        state.organization.require_technician(technician)
        issued = JoinCodeIssued(at=context.now, by=by, user=technician, code_hash=hash_code(code), until=until)
        return Outcome(events=[issued])

    return handle


def technician_of(organization: Organization, code: str) -> str:
    """Return whose code this is. Raises Unauthenticated."""
    wanted = hash_code(code)
    found = [user for user, known in organization.join_codes.items() if hmac.compare_digest(known.code_hash, wanted)]
    if not found:
        raise Unauthenticated(_UNKNOWN, reason="WRONG_JOIN_CODE")
    return found[0]


def use(code: str, joiner: str, *, real_now: datetime) -> Handler:
    """Join with a code. The first one to do so makes it theirs.

    Raises InvalidArgument for the joiner; Unauthenticated if there is no such code; JoinCodeRefused if it is somebody
    else's, or too old.
    """

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        if not _JOINER.fullmatch(joiner):
            raise InvalidArgument.of("joiner", "a random text of 16 to 64 letters and digits is needed")
        user = technician_of(state.organization, code)
        known, joiner_hash = state.organization.join_codes[user], hashlib.sha256(joiner.encode()).hexdigest()
        if known.joiner_hash:
            if not hmac.compare_digest(known.joiner_hash, joiner_hash):
                raise JoinCodeRefused("somebody has joined with this code already: ask for a new code")
            return Outcome(answer=Answer())
        if real_now > known.until:
            raise JoinCodeRefused(
                f"the join code was valid until {known.until:%Y-%m-%d %H:%M} UTC: ask for a new code",
                reason="JOIN_CODE_EXPIRED",
                metadata={"until": known.until.isoformat(timespec="seconds")},
            )
        return Outcome(events=[JoinCodeUsed(at=context.now, by=user, user=user, joiner_hash=joiner_hash)])

    return handle
