"""PIN codes: a session for a customer who joins later."""

from __future__ import annotations

from collections.abc import Sequence

from rescue_api.answers import Row
from rescue_api.calls import ApiCall
from rescue_api.invitation import invitation_link
from rescue_api.words import MethodFailed, Word
from rescue_client.api_records import Person
from rescue_protos.errors import ResourceExhausted

FIELDS = ("cfield0", "cfield1", "cfield2", "cfield3", "cfield4", "cfield5", "tracking0")
_LONGEST = dict(zip(FIELDS, (64, 512, 512, 256, 64, 64, 64), strict=True))  # characters; longer values are cut


async def request_pin(call: ApiCall) -> Sequence[Row]:
    """Return a PIN of the technician who calls."""
    return await _pin(call, call.user)


async def request_pin_of(call: ApiCall) -> Sequence[Row]:
    """Return a PIN of the technician whom a node names; an administrator must name one."""
    if not call.names_node("nodeid"):
        return await _pin(call, call.user)
    owner = call.node("nodeid").of
    if not isinstance(owner, Person) or not owner.is_technician:
        raise MethodFailed(Word.INVALID_NODE)
    if call.user.is_technician and owner != call.user:
        raise MethodFailed(Word.NOT_LOGGED_IN_AS_ADMIN)
    return await _pin(call, owner)


async def request_invitation(call: ApiCall) -> Sequence[Row]:
    """Return a link with a PIN of the technician whom a node names."""
    (made,) = await request_pin_of(call)
    return ({"value": invitation_link(call.origin, str(made["value"]))},)


async def _pin(call: ApiCall, owner: Person) -> Sequence[Row]:
    if not owner.is_technician:
        raise MethodFailed(Word.NOT_TECHNICIAN)
    if owner.name not in call.facts.connected and not call.flag("notechconsole"):
        raise MethodFailed(Word.NO_CONSOLE)
    call.backend.limits.pin(owner.name)
    customer, *fields, tracking = (call.one_line(name)[: _LONGEST[name]] for name in FIELDS)
    try:
        async with call.backend.client.console(owner.name, acts_for=call.user.name) as console:
            made = await console.create_pin(customer, fields=fields, tracking=tracking)
    except ResourceExhausted:
        raise MethodFailed(Word.OUT_OF_PIN_CODES) from None
    return ({"value": made.pin, "number": int(made.pin)},)
