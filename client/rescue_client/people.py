"""Details of people, groups and the organization itself, which the public API shows."""

from __future__ import annotations

import hashlib
import secrets
import string
import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING

from rescue_client.admin import InvalidSetting
from rescue_client.connection import Connection
from rescue_client.service import ServiceClient
from rescue_protos.v1 import admin_pb2, admin_pb2_grpc

if TYPE_CHECKING:
    from rescue_protos.v1.admin_pb2_grpc import AdminServiceAsyncStub

PERSON_SETTINGS = ("email", "ssoid", "nick", "description", "enabled")
"""The settings of technicians and administrators."""
FIELD_LABELS = tuple(f"field-label-{number}" for number in range(6))
ACCOUNT_SETTINGS = ("account-id", "organization-name", "sso-password", *FIELD_LABELS)
"""The settings of the organization itself."""
_FIELDS = {"ssoid": "sso_id"}
_TRUTH = {"true": True, "false": False}
_CODE_ALPHABET = string.ascii_lowercase + string.digits
_CODE_LENGTH = 128
_TIMEOUT = 10.0  # real seconds


def new_code() -> str:
    """Return a fresh code that stands for a user in calls of the public API."""
    return "".join(secrets.choice(_CODE_ALPHABET) for _ in range(_CODE_LENGTH))


def hash_code(code: str) -> str:
    """Return what is stored of a code."""
    return hashlib.sha256(code.encode()).hexdigest()


class PeopleClient:
    """Changes details as an administrator. Every method raises RescueError. A request that is sent again has no second
    effect. None is unchanged."""

    def __init__(self, connection: Connection) -> None:
        self._service: ServiceClient[AdminServiceAsyncStub] = ServiceClient(
            connection, admin_pb2_grpc.AdminServiceStub, timeout=_TIMEOUT
        )

    async def set_person(self, name: str, settings: Mapping[str, str]) -> int:
        """Change settings of a technician or administrator. Raises InvalidSetting before anything is sent."""
        request = admin_pb2.ChangeUserRequest(request_id=_fresh(), user=name)
        for setting, value in settings.items():
            _require_known(setting, PERSON_SETTINGS)
            given = _truth(setting, value) if setting == "enabled" else value
            setattr(request, _FIELDS.get(setting, setting), given)
        return (await self._service.call_idempotent(lambda stub: stub.ChangeUser, request)).revision

    async def set_account(self, settings: Mapping[str, str]) -> int:
        """Change settings of the organization itself. Raises InvalidSetting before anything is sent."""
        request = admin_pb2.ChangeAccountRequest(request_id=_fresh())
        for setting, value in settings.items():
            _require_known(setting, ACCOUNT_SETTINGS)
            if setting in FIELD_LABELS:
                request.field_labels[setting[-1]] = value
            elif setting != "account-id":
                setattr(request, setting.replace("-", "_"), value)
            elif value.isascii() and value.isdigit() and len(value) < 10:
                request.account_id = int(value)
            else:
                raise InvalidSetting(f"account-id: a number of up to nine digits is needed, not {value!r}")
        return (await self._service.call_idempotent(lambda stub: stub.ChangeAccount, request)).revision

    async def change_user(
        self,
        user: str,
        *,
        name: str | None = None,
        email: str | None = None,
        sso_id: str | None = None,
        nick: str | None = None,
        description: str | None = None,
        enabled: bool | None = None,
        secret: str | None = None,
    ) -> None:
        """Change a technician or administrator."""
        request = admin_pb2.ChangeUserRequest(
            request_id=_fresh(),
            user=user,
            name=name,
            email=email,
            sso_id=sso_id,
            nick=nick,
            description=description,
            enabled=enabled,
            secret=secret,
        )
        await self._service.call_idempotent(lambda stub: stub.ChangeUser, request)

    async def create_user(self, *, group: str = "") -> int:
        """Add a disabled technician to a group, or a disabled administrator; return the node id."""
        request = admin_pb2.CreateUserRequest(request_id=_fresh(), group=group)
        return (await self._service.call_idempotent(lambda stub: stub.CreateUser, request)).node

    async def remove_administrator(self, name: str) -> None:
        """Remove an administrator, but not the last one."""
        request = admin_pb2.RemoveAdministratorRequest(request_id=_fresh(), administrator=name)
        await self._service.call_idempotent(lambda stub: stub.RemoveAdministrator, request)

    async def change_group(
        self,
        group: str,
        *,
        name: str | None = None,
        description: str | None = None,
        permissions: str | None = None,
        locked_permissions: str | None = None,
        enabled: bool | None = None,
    ) -> None:
        """Change a technician group."""
        request = admin_pb2.ChangeGroupRequest(
            request_id=_fresh(),
            group=group,
            name=name,
            description=description,
            permissions=permissions,
            locked_permissions=locked_permissions,
            enabled=enabled,
        )
        await self._service.call_idempotent(lambda stub: stub.ChangeGroup, request)

    async def change_channel(self, channel: str, *, group: str, serves: bool) -> None:
        """Let a group serve a channel, or no longer."""
        request = admin_pb2.ChangeChannelRequest(request_id=_fresh(), channel=channel, group=group, serves=serves)
        await self._service.call_idempotent(lambda stub: stub.ChangeChannel, request)

    async def issue_api_token(self, administrator: str) -> str:
        """Return a new token that stands for an administrator in calls of the public API. Their former one is void."""
        token = new_code()
        await self._keep_token(administrator, hash_code(token))
        return token

    async def revoke_api_token(self, administrator: str) -> None:
        """Make an administrator's token void."""
        await self._keep_token(administrator, "")

    async def _keep_token(self, administrator: str, token_hash: str) -> None:
        request = admin_pb2.IssueApiTokenRequest(
            request_id=_fresh(), administrator=administrator, token_hash=token_hash
        )
        await self._service.call_idempotent(lambda stub: stub.IssueApiToken, request)


def _require_known(setting: str, possible: tuple[str, ...]) -> None:
    if setting not in possible:
        raise InvalidSetting(f"there is no setting {setting!r} (possible: {', '.join(possible)})")


def _truth(setting: str, value: str) -> bool:
    if value not in _TRUTH:
        raise InvalidSetting(f"{setting}: true or false, not {value!r}")
    return _TRUTH[value]


def _fresh() -> str:
    return str(uuid.uuid4())
