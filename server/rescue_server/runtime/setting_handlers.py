"""The handlers of changes of settings, for the engine."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType

from rescue_protos.errors import InvalidArgument
from rescue_server.core import decide, organization
from rescue_server.core.posting import require_secrets
from rescue_server.runtime.engine import Handler, Outcome
from rescue_server.runtime.state import EngineState


def change_settings(
    by: str, owner: str, changes: Mapping[str, timedelta | str], post: Mapping[str, str] = MappingProxyType({})
) -> Handler:
    """Change a group's or channel's settings, and where a group posts. Raises InvalidArgument with what is possible."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        if not changes and not post:
            raise InvalidArgument.of("settings", "name at least one setting to change")
        state.organization.settings_of(owner).changed(changes)
        events: list[organization.AnyOrganizationEvent] = []
        if changes:
            periods = {name: value for name, value in changes.items() if isinstance(value, timedelta)}
            terms = changes.get("terms")
            given = terms if isinstance(terms, str) else None
            events.append(
                organization.SettingsChanged(at=context.now, by=by, owner=owner, periods=periods, terms=given)
            )
        if post:
            group = _posting_group(owner)
            state.organization.posting_of(group).changed(post)
            require_secrets(post)
            events.append(organization.PostSettingsChanged(at=context.now, by=by, group=group, changes=dict(post)))
        return Outcome(events=events)

    return handle


def _posting_group(owner: str) -> str:
    kind, _, name = owner.partition(":")
    if kind != "group":
        raise InvalidArgument.of("post-start", f"{owner} posts nothing: sessions are posted for technician groups")
    return name
