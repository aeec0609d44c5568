"""The tables of the organization file that say more than names: of people, and of the organization itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rescue_protos.errors import InvalidArgument, RescueError
from rescue_server.core.details import FIELD_LABELS, AccountChange, PersonChange
from rescue_server.core.organization import Organization
from rescue_server.runtime.credentials import hash_chosen

_PERSON = {"email": "email", "ssoid": "sso_id", "nick": "nick", "description": "description", "enabled": "enabled"}
_LABELS = tuple(f"field-label-{number}" for number in range(FIELD_LABELS))
_ACCOUNT = ("account-id", "organization-name", "sso-password", *_LABELS)
_KINDS = {"enabled": (bool, "true or false"), "account-id": (int, "a number")}


class Misfit(Exception):
    """A place of the file does not fit. The message says why."""

    def __init__(self, place: tuple[str, ...], wrong: str) -> None:
        super().__init__(wrong)
        self.place = place
        self.wrong = wrong


def person_change(
    organization: Organization, name: str, table: Mapping[str, Any], place: tuple[str, ...]
) -> PersonChange:
    """Read what is said of a person. Raises Misfit."""
    _check(table, tuple(_PERSON), place)
    change = PersonChange(**{_PERSON[key]: value for key, value in table.items()})
    try:
        organization.require_user(name)
        change.check()
        if change.email:
            organization.require_own_email(name, change.email)
    except InvalidArgument as error:
        raise Misfit((*place, error.field), error.wrong) from None
    except RescueError as error:
        raise Misfit(place, str(error)) from None
    return change


def account_change(table: object) -> AccountChange:
    """Read what is said of the organization itself. Raises Misfit."""
    place = ("organization",)
    if not isinstance(table, dict):
        raise Misfit(place, "a table [organization] is needed")
    _check(table, _ACCOUNT, place)
    password = table.get("sso-password")
    change = AccountChange(
        account_id=table.get("account-id"),
        organization_name=table.get("organization-name"),
        sso_password_hash=hash_chosen(password) if password else password,
        field_labels={key[-1]: table[key] for key in _LABELS if key in table} or None,
    )
    try:
        change.check()
    except InvalidArgument as error:
        raise Misfit((*place, error.field), error.wrong) from None
    return change


def _check(table: Mapping[str, Any], possible: tuple[str, ...], place: tuple[str, ...]) -> None:
    for key, value in table.items():
        if key not in possible:
            raise Misfit((*place, key), f"unknown; there are {', '.join(possible)}")
        kind, needed = _KINDS.get(key, (str, "a text"))
        if type(value) is not kind:
            raise Misfit((*place, key), f"{needed} is needed")
