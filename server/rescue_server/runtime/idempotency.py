"""What an act is, who asked for it under which id, and what it is answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec

from rescue_protos.errors import RequestReused, RescueError
from rescue_server.core.decide import Context
from rescue_server.runtime.state import AnyEvent, EngineState
from rescue_server.store.protocol import StoredAnswer


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What an act is answered; stored with it, so that its retry is answered the same."""

    revision: int = 0
    session: str = ""
    pin: str = ""
    valid_for: timedelta = timedelta(0)
    technicians: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Who asked under which id. `fingerprint` tells a retry from another request under the same id."""

    principal: str
    id: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What an act comes to: events in order, and the answer (its revision is filled in)."""

    events: Sequence[AnyEvent] = ()
    answer: Answer = field(default_factory=Answer)


Handler = Callable[[EngineState, Context], Outcome]


def stored_answer(answer: Answer, request: Request) -> StoredAnswer:
    """Return what is kept for a retry."""
    return StoredAnswer(
        request_id=request.id,
        principal=request.principal,
        fingerprint=request.fingerprint,
        revision=answer.revision,
        body=msgspec.json.encode(answer),
    )


def reused(request: Request) -> RescueError:
    """Return the refusal of an id that came again with another content."""
    return RequestReused(f"request id {request.id} was used for something else: take a fresh one")
