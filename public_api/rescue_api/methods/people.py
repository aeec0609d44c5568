"""What is known of people, and what an administrator changes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from rescue_api.answers import Row
from rescue_api.calls import ApiCall
from rescue_api.methods.organization import status_of
from rescue_api.nodes import Node, NodeType
from rescue_api.words import MethodFailed, Word
from rescue_client.admin import AdminClient
from rescue_client.api_records import ChannelNode, GroupNode, Person
from rescue_client.people import PeopleClient
from rescue_protos.errors import AlreadyExists, FailedPrecondition, InvalidArgument, NotFound

_ENABLED = {"enabled": True, "disabled": False}


async def get_user(call: ApiCall) -> Sequence[Row]:
    """Return a person whom a node or an e-mail address names."""
    email = call.given("email").casefold()
    if email and not call.names_node("node"):
        found = next((one for one in call.facts.account.people if one.email.casefold() == email), None)
        if found is None:
            raise MethodFailed(Word.INVALID_NODE)
        return (_row(call, found),)
    return (_row(call, _person(call)),)


async def create_user(call: ApiCall) -> Sequence[Row]:
    """Add a disabled person below a technician group, or an administrator."""
    parent = call.node("parent", word=Word.INVALID_PARENT)
    if parent.type not in (NodeType.TECHNICIAN_GROUP, NodeType.MASTERADMINISTRATORS):
        raise MethodFailed(Word.INVALID_PARENT)
    group = parent.name if parent.type is NodeType.TECHNICIAN_GROUP else ""
    async with people_client(call) as people:
        return ({"value": await people.create_user(group=group)},)


async def set_user(call: ApiCall) -> Sequence[Row]:
    """Change a person. What may be left out and is empty stays."""
    person = _person(call)
    name, email, enabled = call.given("name"), call.given("email"), enabled_of(call)
    if not name:
        raise MethodFailed(Word.INVALID_NAME)
    if not email:
        raise MethodFailed(Word.INVALID_EMAIL)
    password, again = call.arguments.get("pwd", ""), call.arguments.get("confpwd", "")
    if again and again != password:
        raise MethodFailed(Word.ERROR)
    async with people_client(call) as people:
        await people.change_user(
            person.name,
            name=name if name != person.name else None,
            email=email,
            enabled=enabled,
            nick=call.one_line("nick").strip() or None,
            sso_id=call.given("ssoid") or None,
            description=call.one_line("description").strip() or None,
            secret=password or None,
        )
    return ()


async def set_user_status(call: ApiCall) -> Sequence[Row]:
    """Enable or disable a person."""
    person, enabled = _person(call), enabled_of(call)
    async with people_client(call) as people:
        await people.change_user(person.name, enabled=enabled)
    return ()


async def move(call: ApiCall) -> Sequence[Row]:
    """Move a technician to another group. Other nodes stay where they are."""
    node, target = call.node("node"), call.node("targetnode", word=Word.INVALID_TARGET_NODE)
    if not isinstance(node.of, Person) or not node.of.is_technician or target.type is not NodeType.TECHNICIAN_GROUP:
        raise MethodFailed(Word.INVALID_MOVE)
    async with call.backend.client.administration(call.user.name) as connection:
        await AdminClient(connection).move_technician(node.name, group=target.name)
    return ()


async def delete(call: ApiCall) -> Sequence[Row]:
    """Remove a person, group or channel that nothing needs any more."""
    node = call.node("node")
    async with call.backend.client.administration(call.user.name) as connection:
        try:
            await _remove(admin=AdminClient(connection), people=PeopleClient(connection), node=node)
        except FailedPrecondition:
            raise MethodFailed(Word.ACTION_FAILED) from None
    return ()


async def _remove(*, admin: AdminClient, people: PeopleClient, node: Node) -> None:
    match node.of:
        case Person(is_technician=True):
            await admin.remove_technician(node.name)
        case Person():
            await people.remove_administrator(node.name)
        case GroupNode():
            await admin.remove_group(node.name)
        case ChannelNode():
            await admin.remove_channel(node.name)
        case None:
            raise MethodFailed(Word.INVALID_NODE)


def enabled_of(call: ApiCall) -> bool:
    """Return what the argument `status` says. Raises MethodFailed."""
    enabled = _ENABLED.get(call.given("status").lower())
    if enabled is None:
        raise MethodFailed(Word.INVALID_STATUS)
    return enabled


@asynccontextmanager
async def people_client(call: ApiCall) -> AsyncIterator[PeopleClient]:
    """Act as the administrator who calls. What the server refuses fails with the word that says why."""
    async with call.backend.client.administration(call.user.name) as connection:
        try:
            yield PeopleClient(connection)
        except AlreadyExists as error:
            raise MethodFailed(Word.EMAIL_IN_USE if error.reason == "EMAIL_IN_USE" else Word.INVALID_NAME) from None
        except InvalidArgument as error:
            words = {"name": Word.INVALID_NAME, "email": Word.INVALID_EMAIL}
            raise MethodFailed(words.get(error.field, Word.ERROR)) from None
        except FailedPrecondition as error:
            last = error.reason == "LAST_ADMINISTRATOR"
            raise MethodFailed(Word.INVALID_STATUS if last else Word.INVALID_NAME) from None
        except NotFound:  # removed meanwhile
            raise MethodFailed(Word.INVALID_NODE) from None


def _person(call: ApiCall) -> Person:
    found = call.node("node").of
    if not isinstance(found, Person):
        raise MethodFailed(Word.INVALID_NODE)
    return found


def _row(call: ApiCall, person: Person) -> Row:
    administrators = [one.node for one in call.facts.account.people if not one.is_technician]
    kind = NodeType.TECHNICIAN if person.is_technician else NodeType.MASTERADMINISTRATOR
    node = Node(id=person.node, parent=0, name=person.name, type=kind, of=person)
    return {
        "node": person.node,
        "name": person.name,
        "nick": person.nick,
        "email": person.email,
        "ssoid": person.sso_id,
        "description": person.description,
        "type": kind.value,
        "holder": person.node == min(administrators),
        "mobile": False,
        "rpat": False,
        "status": status_of(node, call.facts),
    }
