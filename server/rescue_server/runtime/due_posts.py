"""What the engine adds to an event that makes a post due (Post to URL): both are stored together."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence

from rescue_server.core.due_posts import due_post
from rescue_server.core.organization import OrganizationEvent
from rescue_server.runtime.state import AnyEvent, AppliedEvent

_DELIVERIES = uuid.UUID("5b0c9f2e-6c1d-4a8e-9a44-9a4e6f6f1f0b")
"""The name space of delivery ids."""


def follow_with_posts(history: str) -> Callable[[AppliedEvent], Sequence[AnyEvent]]:
    """Return the hook for one history. A delivery id is made of the history and the revision: no two posts share it."""

    def follow_up(applied: AppliedEvent) -> Sequence[AnyEvent]:
        if applied.after is None or isinstance(applied.event, OrganizationEvent):
            return ()

        def new_delivery() -> str:
            return str(uuid.uuid5(_DELIVERIES, f"{history}/{applied.revision}"))

        due = due_post(applied.before, applied.event, applied.after, applied.organization, new_delivery=new_delivery)
        return () if due is None else (due,)

    return follow_up
