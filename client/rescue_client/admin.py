"""The Administration Center: groups, technicians, channels, terms and time-outs.

`PERIODS` has the settings' names and their ranges, for people. The server checks values against its own table,
`rescue_server.settings`; `tests/unit/client/test_clients.py` compares the two.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from google.protobuf.duration_pb2 import Duration

from rescue_client.connection import Connection
from rescue_client.service import ServiceClient
from rescue_common.durations import BadDuration, format_duration, parse_duration
from rescue_protos.v1 import admin_pb2, admin_pb2_grpc, common_pb2

if TYPE_CHECKING:
    from rescue_protos.v1.admin_pb2_grpc import AdminServiceAsyncStub

TERMS = "terms"
PERIODS = {
    "private-code-validity": "1m to 999m",
    "connecting-timeout": "1m to 999m",
    "waiting-timeout": "1m to 999m, or 0 for never",
    "idle-timeout": "1m to 999m, or 0 for never",
    "reconnect-period": "2s to 999m",
    "offline-period": "1s to 999m",
    "heartbeat-interval": "1s to 10m",
}
"""The settings that are periods, and their ranges as people write them."""
POST_SETTINGS = ("post-start", "post-end", "post-as")
"""The settings of technician groups only: two URLs, and `form` or `xml`."""
SETTINGS = (*PERIODS, TERMS, *POST_SETTINGS)
_TIMEOUT = 10.0  # real seconds
_POST_FORMATS = {"form": common_pb2.POST_FORMAT_FORM, "xml": common_pb2.POST_FORMAT_XML}


class InvalidSetting(ValueError):
    """The owner or the setting does not exist, or the value cannot be read. The message says what is possible."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings of a group or channel: each period by its name in `PERIODS` (0 is never), and the terms.

    `post` has the settings of `POST_SETTINGS`; it is empty for a channel. Users and passwords in its URLs are hidden.
    """

    periods: Mapping[str, timedelta]
    terms: str
    post: Mapping[str, str] = field(default_factory=dict)

    def written(self) -> dict[str, str]:
        """Return the name and value of each setting in the notation of `rescue admin set`."""
        return {name: format_duration(self.periods[name]) for name in PERIODS} | {TERMS: self.terms, **self.post}


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A technician group."""

    name: str
    technicians: tuple[str, ...]
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A channel and the technician groups that serve it."""

    name: str
    groups: tuple[str, ...]
    settings: Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Organization:
    """The whole organization at a revision."""

    revision: int
    groups: tuple[Group, ...]
    channels: tuple[Channel, ...]
    administrators: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrganizationChange:
    """A change is in force from `revision` on. `secret` is a new user's, sent only once; otherwise it is empty."""

    revision: int
    secret: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinCodeMade:
    """A code with which a technician joins. `valid_until` is real time (UTC)."""

    code: str
    valid_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinCodeState:
    """Who has a join code, and whether somebody joined with it. `valid_until` is real time (UTC)."""

    technician: str
    valid_until: datetime
    used: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsReset:
    """The queues were empty at `revision`; `sessions` had been open or in a queue."""

    revision: int
    sessions: int


class AdminClient:
    """The Administration Center. Every method raises RescueError. A request that is sent again has no second effect."""

    def __init__(self, connection: Connection) -> None:
        self._service: ServiceClient[AdminServiceAsyncStub] = ServiceClient(
            connection, admin_pb2_grpc.AdminServiceStub, timeout=_TIMEOUT
        )

    async def organization(self) -> Organization:
        """Return the whole organization."""
        request = admin_pb2.GetOrganizationRequest()
        found = await self._service.call_idempotent(lambda stub: stub.GetOrganization, request)
        return Organization(
            revision=found.revision,
            groups=tuple(
                Group(name=group.name, technicians=tuple(group.technicians), settings=_settings(group.settings))
                for group in found.groups
            ),
            channels=tuple(
                Channel(name=channel.name, groups=tuple(channel.groups), settings=_settings(channel.settings))
                for channel in found.channels
            ),
            administrators=tuple(found.administrators),
        )

    async def change_settings(self, owner: str, changes: Mapping[str, str | timedelta]) -> Settings:
        """Change settings of an owner, `group:NAME` or `channel:NAME`; return all settings of the owner.

        `changes` maps a setting to its value; a period is a timedelta or text ("1m30s"; "0" is never). Raises
        InvalidSetting and BadDuration before anything is sent.
        """
        request = _change(owner, changes)
        answer = await self._service.call_idempotent(lambda stub: stub.ChangeSettings, request)
        return _settings(answer.settings)

    async def add_group(self, name: str, *, tenant: str = "") -> OrganizationChange:
        """Add a technician group. Technicians of groups with the same tenant know of each other, and of nobody else."""
        request = admin_pb2.AddGroupRequest(request_id=_fresh(), name=name, tenant=tenant)
        answer = await self._service.call_idempotent(lambda stub: stub.AddGroup, request)
        return OrganizationChange(revision=answer.revision)

    async def add_technician(self, name: str, *, group: str) -> OrganizationChange:
        """Add a technician to a group; the result has the technician's secret."""
        request = admin_pb2.AddTechnicianRequest(request_id=_fresh(), name=name, group=group)
        answer = await self._service.call_idempotent(lambda stub: stub.AddTechnician, request)
        return OrganizationChange(revision=answer.revision, secret=answer.secret)

    async def add_channel(self, name: str, *, groups: Iterable[str]) -> OrganizationChange:
        """Add a channel that at least one group serves."""
        request = admin_pb2.AddChannelRequest(request_id=_fresh(), name=name, groups=groups)
        answer = await self._service.call_idempotent(lambda stub: stub.AddChannel, request)
        return OrganizationChange(revision=answer.revision)

    async def add_administrator(self, name: str) -> OrganizationChange:
        """Add an administrator; the result has the secret."""
        request = admin_pb2.AddAdministratorRequest(request_id=_fresh(), name=name)
        answer = await self._service.call_idempotent(lambda stub: stub.AddAdministrator, request)
        return OrganizationChange(revision=answer.revision, secret=answer.secret)

    async def move_technician(self, name: str, *, group: str) -> OrganizationChange:
        """Move a technician to another group."""
        request = admin_pb2.MoveTechnicianRequest(request_id=_fresh(), technician=name, group=group)
        answer = await self._service.call_idempotent(lambda stub: stub.MoveTechnician, request)
        return OrganizationChange(revision=answer.revision)

    async def remove_technician(self, name: str) -> OrganizationChange:
        """Remove a technician who takes part in no session."""
        request = admin_pb2.RemoveTechnicianAccountRequest(request_id=_fresh(), technician=name)
        answer = await self._service.call_idempotent(lambda stub: stub.RemoveTechnicianAccount, request)
        return OrganizationChange(revision=answer.revision)

    async def remove_group(self, name: str) -> OrganizationChange:
        """Remove a technician group that has no technicians, no sessions and serves no channel."""
        request = admin_pb2.RemoveGroupRequest(request_id=_fresh(), group=name)
        answer = await self._service.call_idempotent(lambda stub: stub.RemoveGroup, request)
        return OrganizationChange(revision=answer.revision)

    async def remove_channel(self, name: str) -> OrganizationChange:
        """Remove a channel that has no sessions."""
        request = admin_pb2.RemoveChannelRequest(request_id=_fresh(), channel=name)
        answer = await self._service.call_idempotent(lambda stub: stub.RemoveChannel, request)
        return OrganizationChange(revision=answer.revision)

    async def renew_secret(self, user: str) -> OrganizationChange:
        """Make a new secret for a user; the result has it. The old secret becomes invalid."""
        request = admin_pb2.RenewSecretRequest(request_id=_fresh(), user=user)
        answer = await self._service.call_idempotent(lambda stub: stub.RenewSecret, request)
        return OrganizationChange(revision=answer.revision, secret=answer.secret)

    async def issue_join_code(self, technician: str, *, valid_for: timedelta) -> JoinCodeMade:
        """Make a code with which this technician joins; their former one becomes invalid. `valid_for` is real time."""
        request = admin_pb2.IssueJoinCodeRequest(request_id=_fresh(), technician=technician)
        request.valid_for.FromTimedelta(valid_for)
        answer = await self._service.call_idempotent(lambda stub: stub.IssueJoinCode, request)
        return JoinCodeMade(code=answer.code, valid_until=answer.valid_until.ToDatetime(UTC))

    async def join_codes(self) -> tuple[JoinCodeState, ...]:
        """Return who has a join code. The codes themselves are not kept."""
        answer = await self._service.call_idempotent(lambda stub: stub.ListJoinCodes, admin_pb2.ListJoinCodesRequest())
        return tuple(
            JoinCodeState(technician=one.technician, valid_until=one.valid_until.ToDatetime(UTC), used=one.used)
            for one in answer.codes
        )

    async def reset_sessions(self, *, technicians: Iterable[str] = ()) -> SessionsReset:
        """End all sessions and clear all queues, or only those in the queues of these technicians.

        People, secrets and settings stay.
        """
        request = admin_pb2.ResetSessionsRequest(request_id=_fresh(), technicians=technicians)
        answer = await self._service.call_idempotent(lambda stub: stub.ResetSessions, request)
        return SessionsReset(revision=answer.revision, sessions=answer.sessions)


def _change(owner: str, changes: Mapping[str, str | timedelta]) -> admin_pb2.ChangeSettingsRequest:
    kind, _, name = owner.partition(":")
    if kind not in ("group", "channel") or not name:
        raise InvalidSetting(f"{owner!r} has no settings (possible: group:NAME, channel:NAME)")
    request = admin_pb2.ChangeSettingsRequest(request_id=_fresh(), set_terms=TERMS in changes)
    setattr(request, kind, name)
    for setting, value in changes.items():
        if setting == TERMS:
            request.settings.terms = str(value)
        elif setting in POST_SETTINGS:
            _change_post(request.settings.post, setting, str(value))
        elif setting in PERIODS:
            period = value if isinstance(value, timedelta) else _period(setting, value)
            message: Duration = getattr(request.settings, setting.replace("-", "_"))
            message.SetInParent()  # a period of 0 is a value too
            message.FromTimedelta(period)
        else:
            raise InvalidSetting(f"there is no setting {setting!r} (possible: {', '.join(SETTINGS)})")
    return request


def _change_post(post: common_pb2.PostSettings, setting: str, value: str) -> None:
    if setting == "post-start":
        post.start = value
    elif setting == "post-end":
        post.end = value
    elif value in _POST_FORMATS:
        post.format = _POST_FORMATS[value]
    else:
        raise InvalidSetting(f"post-as: there are {' and '.join(_POST_FORMATS)}, not {value!r}")


def _period(setting: str, written: str) -> timedelta:
    try:
        return parse_duration(written)
    except BadDuration as error:
        raise InvalidSetting(f"{setting}: {error}; {PERIODS[setting]}") from None


def _settings(found: common_pb2.Settings) -> Settings:
    periods = {name: getattr(found, name.replace("-", "_")).ToTimedelta() for name in PERIODS}
    return Settings(periods=periods, terms=found.terms, post=_post(found.post) if found.HasField("post") else {})


def _post(found: common_pb2.PostSettings) -> dict[str, str]:
    named = {common_pb2.POST_FORMAT_UNSPECIFIED: ""} | {value: name for name, value in _POST_FORMATS.items()}
    form = named.get(found.format, "unknown")  # of a newer server
    return dict(zip(POST_SETTINGS, (found.start, found.end, form), strict=True))


def _fresh() -> str:
    return str(uuid.uuid4())
