"""What is known of people, groups and the organization itself beside their names; the public API shows it.

Each change has the changed fields only; None is unchanged.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from rescue_protos.errors import InvalidArgument

EMAIL_LENGTH = 254  # characters
TEXT_LENGTH = 1024  # characters
FIELD_LABELS = 6
FIRST_ACCOUNT_ID = 3_000_001
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_CONTROL = "Cc"
PERMISSIONS = ",".join(
    ("Chat", "RemoteControl", "DesktopViewing", "SendFiles", "ReceiveFiles", "SendURLs", "RebootClientComputer",
     "TransferSessions", "PrivateSessions", "InviteTechnicians")
)  # fmt: skip
"""The permissions of a group of which nobody said otherwise. They are shown, and guard nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDetails:
    """A technician or administrator. An empty `email` or `sso_id` is the one that follows from their name."""

    email: str = ""
    sso_id: str = ""
    nick: str = ""
    description: str = ""
    enabled: bool = True

    def changed(self, change: PersonChange) -> PersonDetails:
        """Return the details after a change."""
        return replace(self, **change.given())


class PersonChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A change of a person's details."""

    email: str | None = None
    sso_id: str | None = None
    nick: str | None = None
    description: str | None = None
    enabled: bool | None = None

    def given(self) -> dict[str, Any]:
        """Return what is to change."""
        return _given(self)

    def check(self) -> None:
        """Raise InvalidArgument if a value is not possible."""
        if self.email and (not _EMAIL.fullmatch(self.email) or len(self.email) > EMAIL_LENGTH):
            raise InvalidArgument.of("email", f"{self.email!r} is no e-mail address: something@somewhere is needed")
        _require_texts(self.given())


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupDetails:
    """A technician group. Permissions are separated by commas."""

    description: str = ""
    permissions: str = PERMISSIONS
    locked_permissions: str = ""
    enabled: bool = True

    def changed(self, change: GroupChange) -> GroupDetails:
        """Return the details after a change."""
        return replace(self, **change.given())


class GroupChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A change of a group's details."""

    description: str | None = None
    permissions: str | None = None
    locked_permissions: str | None = None
    enabled: bool | None = None

    def given(self) -> dict[str, Any]:
        """Return what is to change."""
        return _given(self)

    def check(self) -> None:
        """Raise InvalidArgument if a value is not possible."""
        _require_texts(self.given())


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountDetails:
    """The organization itself. `sso_password_hash` is empty while nobody can sign in by an SSO id."""

    account_id: int = FIRST_ACCOUNT_ID
    organization_name: str = "Emulated organization"
    sso_password_hash: str = ""
    field_labels: tuple[str, ...] = ("Name", *(f"Custom field {number}" for number in range(1, FIELD_LABELS)))

    def changed(self, change: AccountChange) -> AccountDetails:
        """Return the details after a change."""
        labels = [(change.field_labels or {}).get(str(number), label) for number, label in enumerate(self.field_labels)]
        return AccountDetails(
            account_id=self.account_id if change.account_id is None else change.account_id,
            organization_name=change.organization_name or self.organization_name,
            sso_password_hash=(
                self.sso_password_hash if change.sso_password_hash is None else change.sso_password_hash
            ),
            field_labels=tuple(labels),
        )


class AccountChange(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A change of the organization's details. `field_labels` are by number, "0" to "5"."""

    account_id: int | None = None
    organization_name: str | None = None
    sso_password_hash: str | None = None
    field_labels: dict[str, str] | None = None

    def given(self) -> dict[str, Any]:
        """Return what is to change."""
        return _given(self)

    def check(self) -> None:
        """Raise InvalidArgument if a value is not possible."""
        if self.account_id is not None and not 0 < self.account_id < 2**31:
            raise InvalidArgument.of("account-id", f"a number from 1 to {2**31 - 1} is needed, not {self.account_id}")
        labels = self.field_labels or {}
        if unknown := sorted(set(labels) - {str(number) for number in range(FIELD_LABELS)}):
            raise InvalidArgument.of(f"field-label-{unknown[0]}", f"there are field-label-0 to -{FIELD_LABELS - 1}")
        texts = {f"field-label-{number}": label for number, label in labels.items()}
        if self.organization_name is not None:
            texts["organization-name"] = self.organization_name
        for name, text in texts.items():
            if not text.strip():
                raise InvalidArgument.of(name, "a text is needed")
        _require_texts(texts)


def default_email(name: str) -> str:
    """Return the e-mail address of a person of whom no other is known; a name that is one stands for itself."""
    return name if "@" in name else f"{name.lower().replace(' ', '.')}@rescue.test"


def _given(change: PersonChange | GroupChange | AccountChange) -> dict[str, Any]:
    return {name: value for name, value in msgspec.structs.asdict(change).items() if value is not None}


def _require_texts(values: Mapping[str, str | bool]) -> None:
    for name, value in values.items():
        if not isinstance(value, str):
            continue
        if len(value) > TEXT_LENGTH:
            raise InvalidArgument.of(name, f"at most {TEXT_LENGTH} characters, not {len(value)}")
        if any(unicodedata.category(letter) == _CONTROL for letter in value):
            raise InvalidArgument.of(name, "one line without control characters is needed")
