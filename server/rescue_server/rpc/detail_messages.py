"""Translation of changes of people, groups and the organization itself from the wire."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from google.protobuf.message import Message

from rescue_protos.errors import InvalidArgument
from rescue_protos.v1 import admin_pb2 as pb
from rescue_server.core.details import AccountChange, GroupChange, PersonChange
from rescue_server.runtime.credentials import hash_chosen, require_secret

_PERSON = ("email", "sso_id", "nick", "description", "enabled")
_GROUP = ("description", "permissions", "locked_permissions", "enabled")


def person_change(message: pb.ChangeUserRequest) -> PersonChange:
    """What is to change of a person."""
    return PersonChange(**_set(message, _PERSON))


def group_change(message: pb.ChangeGroupRequest) -> GroupChange:
    """What is to change of a group."""
    return GroupChange(**_set(message, _GROUP))


def account_change(message: pb.ChangeAccountRequest) -> AccountChange:
    """What is to change of the organization itself."""
    password = message.sso_password if message.HasField("sso_password") else None
    if password:
        require_secret("sso-password", password)
    return AccountChange(
        account_id=message.account_id if message.HasField("account_id") else None,
        organization_name=message.organization_name if message.HasField("organization_name") else None,
        sso_password_hash=hash_chosen(password) if password else password,
        field_labels=dict(message.field_labels) or None,
    )


def new_name(message: pb.ChangeUserRequest | pb.ChangeGroupRequest) -> str:
    """The new name; empty if it stays. Raises InvalidArgument."""
    if message.HasField("name") and not message.name:
        raise InvalidArgument.of("name", "a letter or digit comes first")
    return message.name


def _set(message: Message, names: Collection[str]) -> dict[str, Any]:
    """The fields that are set, also to an empty value."""
    return {field.name: value for field, value in message.ListFields() if field.name in names}
