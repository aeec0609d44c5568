"""Execute a typed command as a call of the client."""

from __future__ import annotations

from typing import assert_never

from rescue_client.console import ConsoleClient
from rescue_client.records import Answer
from rescue_console.commands import (
    Chat,
    Command,
    Focus,
    Involvement,
    Note,
    OnSession,
    Pin,
    Query,
    SessionAction,
    Transfer,
    UseProcess,
    WithTechnician,
)


async def execute(command: Command, client: ConsoleClient) -> Answer:
    """Carry a command out and return its answer. Raises RescueError."""
    match command:
        case Pin(customer=customer):
            return await client.create_pin(customer)
        case OnSession(action=action, session=session):
            return await {
                SessionAction.START: client.start,
                SessionAction.HOLD: client.hold,
                SessionAction.END: client.end,
                SessionAction.REBOOT: client.reboot,
                SessionAction.CANCEL_LEAD: client.cancel_lead,
                SessionAction.ACCEPT_LEAD: client.accept_lead,
            }[action](session)
        case WithTechnician(involvement=involvement, session=session, technician=technician):
            return await {
                Involvement.INVITE: client.invite,
                Involvement.REMOVE: client.remove,
                Involvement.OFFER_LEAD: client.offer_lead,
            }[involvement](session, technician)
        case Transfer(session=session, target=target, comment=comment):
            return await client.transfer(session, target, comment)
        case UseProcess(session=session, process=process, opened=opened):
            return await (client.open_process if opened else client.close_process)(session, process)
        case Chat(session=session, text=text):
            return await client.chat(session, text)
        case Note(session=session, text=text):
            return await client.note(session, text)
        case Focus(on=on):
            return await client.set_focus(on)
        case Query.QUEUE:
            return await client.queue()
        case Query.SYNC:
            return await client.sync()
        case _:
            assert_never(command)
