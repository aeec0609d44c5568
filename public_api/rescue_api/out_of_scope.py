"""Methods of the vendor that are known and not emulated: they answer ERROR, and say so where somebody looks."""

from __future__ import annotations

import sys

from rescue_api.answers import DONE, Row
from rescue_api.calls import ApiCall, MethodAccess, Operation
from rescue_api.words import MethodFailed, Word

HEADERS = {"X-Rescue-Emulator": "not emulated"}
_NAMES = {
    "requestLensPINCode": "requestLensPINCode",
    "requestLensPINCode_v2": "requestLensPINCodeV2",
    "requestLensPINCode_v3": "requestLensPINCodeV3",
    "createUsers": "createUsers",
    "generateEmailText": "generateEmailText",
}
"""Their names in text, and in SOAP."""


async def _refuse(call: ApiCall) -> tuple[Row, ...]:
    raise MethodFailed(Word.ERROR)


OPERATIONS = tuple(
    Operation(
        name=name,
        soap=soap,
        prefix=name.partition("_")[0],
        does="Is not emulated.",
        handler=_refuse,
        shape=DONE,
        access=MethodAccess.ANYBODY,
    )
    for name, soap in _NAMES.items()
)
BY_NAME = {operation.name.lower(): operation for operation in OPERATIONS}
BY_SOAP_NAME = {operation.soap.lower(): operation for operation in OPERATIONS}


def say_once(operation: Operation, said: set[str]) -> None:
    """Say on stderr that somebody called it, unless that was said already."""
    if operation.name not in said:
        said.add(operation.name)
        print(f"rescue server: {operation.name} of the public API is not emulated: it answers ERROR", file=sys.stderr)
