"""Methods of the vendor that are known and not emulated: they answer ERROR, and say so where somebody looks."""

from __future__ import annotations

import sys

from rescue_api.answers import DONE, Row
from rescue_api.calls import ApiCall, MethodAccess, Operation
from rescue_api.words import MethodFailed, Word

HEADERS = {"X-Rescue-Emulator": "not emulated"}
CONSOLE_SERVICE_PATH = "/webservices/technicianconsole.asmx"
"""The web service of the Technician Console, in small letters. Only the form of its answers is known."""

_LENS = "requestPINCode"  # in SOAP as the words of other PINs
_NAMES = (
    ("requestLensPINCode", "requestLensPINCode", _LENS),
    ("requestLensPINCode_v2", "requestLensPINCodeV2", _LENS),
    ("requestLensPINCode_v3", "requestLensPINCodeV3", _LENS),
    ("requestLensPINCode_v4", "requestLensPINCodeV4", _LENS),
    ("createUsers", "createUsers", "createUsers"),
    ("generateEmailText", "generateEmailText", "generateEmailText"),
)
"""Their names in text, in SOAP, and what their words begin with in SOAP."""


async def _refuse(call: ApiCall) -> tuple[Row, ...]:
    raise MethodFailed(Word.ERROR)


OPERATIONS = tuple(
    Operation(
        name=name,
        soap=soap,
        prefix=prefix,
        does="Is not emulated.",
        handler=_refuse,
        shape=DONE,
        access=MethodAccess.ANYBODY,
    )
    for name, soap, prefix in _NAMES
)
BY_NAME = {operation.name.lower(): operation for operation in OPERATIONS}
BY_SOAP_NAME = {operation.soap.lower(): operation for operation in OPERATIONS}


def say_once(what: str, said: set[str]) -> None:
    """Say on stderr that somebody called it, unless that was said already."""
    if what not in said:
        said.add(what)
        print(f"rescue server: {what} is not emulated: it answers ERROR", file=sys.stderr)
