"""The handlers of changes of people, groups and the organization itself, for the engine."""

from __future__ import annotations

from rescue_protos.errors import AlreadyExists, InvalidArgument, NotFound, OrganizationRefused
from rescue_server.core import decide, organization
from rescue_server.core.details import AccountChange, GroupChange, PersonChange, PersonDetails, default_email
from rescue_server.core.tenants import require_one_tenant
from rescue_server.runtime.engine import Answer, Handler, Outcome
from rescue_server.runtime.session_owners import require_no_sessions, require_not_in_sessions
from rescue_server.runtime.state import EngineState


def change_user(by: str, name: str, change: PersonChange, *, new_name: str = "", secret_hash: str = "") -> Handler:
    """Change a person's details, name and secret; what is empty stays.

    Raises NotFound, InvalidArgument, AlreadyExists, OrganizationRefused.
    """

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        known = state.organization
        known.require_user(name)
        change.check()
        if change.enabled is False:
            _require_another_administrator(known, name)
        events: list[organization.AnyOrganizationEvent] = []
        if change.given():
            events.append(organization.PersonChanged(at=context.now, by=by, name=name, change=change))
        if new_name not in ("", name):
            known.require_free("technician", new_name)
            require_not_in_sessions(state, name)
            events.append(organization.PersonRenamed(at=context.now, by=by, name=name, to=new_name))
        email = known.details.get(name, PersonDetails()).changed(change).email
        known.require_own_email(name, email or default_email(new_name or name))
        if secret_hash:
            user = new_name or name
            events.append(organization.SecretChanged(at=context.now, by=by, user=user, secret_hash=secret_hash))
        return Outcome(events=events)

    return handle


def create_user(by: str, group: str, secret_hash: str) -> Handler:
    """Add a disabled technician to a group, or a disabled administrator, with a name of their number."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        node = state.organization.next_node
        name = f"New user {node}"
        state.organization.require_free("technician", name)
        added: organization.NodeAdded
        if group:
            state.organization.members(f"group:{group}")
            added = organization.TechnicianAdded(at=context.now, by=by, name=name, node=node, group=group)
        else:
            added = organization.AdministratorAdded(at=context.now, by=by, name=name, node=node)
        return Outcome(
            events=[
                added,
                organization.SecretChanged(at=context.now, by=by, user=name, secret_hash=secret_hash),
                organization.PersonChanged(at=context.now, by=by, name=name, change=PersonChange(enabled=False)),
            ],
            answer=Answer(node=node),
        )

    return handle


def remove_administrator(by: str, name: str) -> Handler:
    """Remove an administrator; one must stay."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        if name not in state.organization.administrators:
            raise NotFound.of("administrator", name)
        _require_another_administrator(state.organization, name)
        return Outcome(events=[organization.AdministratorDeleted(at=context.now, by=by, name=name)])

    return handle


def change_group(by: str, name: str, change: GroupChange, *, new_name: str = "") -> Handler:
    """Change a group's details and name. Raises NotFound, InvalidArgument, AlreadyExists, OrganizationRefused."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        state.organization.group(name)
        change.check()
        events: list[organization.AnyOrganizationEvent] = []
        if change.given():
            events.append(organization.GroupChanged(at=context.now, by=by, name=name, change=change))
        if new_name not in ("", name):
            state.organization.require_free("group", new_name)
            require_no_sessions(state, f"group:{name}")
            events.append(organization.GroupRenamed(at=context.now, by=by, name=name, to=new_name))
        return Outcome(events=events)

    return handle


def change_channel(by: str, channel: str, group: str, *, serves: bool) -> Handler:
    """Let a group serve a channel, or no longer. Raises NotFound, AlreadyExists, OrganizationRefused."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        state.organization.members(f"channel:{channel}")
        state.organization.members(f"group:{group}")
        groups = set(state.organization.channels[channel])
        if (group in groups) is serves:
            how = "already" if serves else "not"
            raise AlreadyExists(f"{group} serves the channel {channel} {how}", metadata={"name": group})
        changed = groups | {group} if serves else groups - {group}
        require_one_tenant(state.organization, changed)
        if not changed:
            raise OrganizationRefused(f"{group} is the last group that serves {channel}: assign another one first")
        served = organization.ChannelServed(at=context.now, by=by, name=channel, groups=tuple(sorted(changed)))
        return Outcome(events=[served])

    return handle


def change_account(by: str, change: AccountChange) -> Handler:
    """Change the organization's own details. Raises InvalidArgument."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        if not change.given():
            raise InvalidArgument.of("settings", "name at least one setting to change")
        change.check()
        return Outcome(events=[organization.AccountChanged(at=context.now, by=by, change=change)])

    return handle


def issue_api_token(by: str, name: str, code_hash: str) -> Handler:
    """Keep the hash of an administrator's API token; an empty one revokes it. Raises NotFound."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        if name not in state.organization.administrators:
            raise NotFound.of("administrator", name)
        if not code_hash and name not in state.organization.api_tokens:
            raise NotFound.of("API token of", name)
        return Outcome(events=[organization.ApiTokenIssued(at=context.now, by=by, user=name, code_hash=code_hash)])

    return handle


def _require_another_administrator(known: organization.Organization, name: str) -> None:
    others = known.administrators - {name}
    if name in known.administrators and not any(known.is_enabled(other) for other in others):
        raise OrganizationRefused(
            f"{name} is the last administrator who may sign in: add another one first", reason="LAST_ADMINISTRATOR"
        )
