"""Idempotent requests: the same request id gets the same answer and has no second effect.

Answers are stored with the events that they report, so a retry is answered even after a restart. A refusal changed
nothing and is kept in memory only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

import msgspec

from rescue_protos.errors import RequestReused, RescueError, ResourceExhausted, StorageUnavailable
from rescue_server.core.decide import Context
from rescue_server.runtime.state import AnyEvent, EngineState
from rescue_server.runtime.store_thread import StoreThread
from rescue_server.store.protocol import StoredAnswer

REMEMBERED_ANSWERS = 10_000


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer to a request; stored with its events, so that a retry gets the same."""

    revision: int = 0
    session: str = ""
    pin: str = ""
    valid_for: timedelta = timedelta(0)
    technicians: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Who sent the request, under which id. `fingerprint` tells a retry from another request with the same id."""

    principal: str
    id: str
    fingerprint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What a handler returns: events in order, and the answer (the engine fills in its revision)."""

    events: Sequence[AnyEvent] = ()
    answer: Answer = field(default_factory=Answer)


Handler = Callable[[EngineState, Context], Outcome]


@dataclass(slots=True)
class _Remembered:
    fingerprint: str
    task: asyncio.Task[Answer] | None = None  # while it runs, and once it has an answer
    refusal: RescueError | None = None


class OnceOnly:
    """Runs each request once, and gives its retries the same answer."""

    def __init__(self, store: StoreThread) -> None:
        self._store = store
        self._remembered: dict[tuple[str, str], _Remembered] = {}

    async def perform(self, request: Request, run: Callable[[], Awaitable[Answer]]) -> Answer:
        """Return the request's answer; call `run` for it unless it ran before. Raises RescueError."""
        key = (request.principal, request.id)
        known = self._remembered.get(key)
        if known is None:
            # A task of its own: the caller may be cancelled, but a request must not stop halfway.
            task = asyncio.create_task(self._run(request, run))
            known = self._remembered[key] = _Remembered(request.fingerprint, task)
            task.add_done_callback(lambda done: self._finish(key, done))
            self._trim()
        elif known.fingerprint != request.fingerprint:
            raise _reused(request)
        if known.refusal is not None:
            raise known.refusal
        if known.task is None:
            raise RuntimeError("a remembered request has neither a task nor a refusal")
        return await asyncio.shield(known.task)

    async def _run(self, request: Request, run: Callable[[], Awaitable[Answer]]) -> Answer:
        stored = await self._store.run(lambda: self._store.store.answer(request.principal, request.id))
        if stored is None:
            return await run()
        if stored.fingerprint != request.fingerprint:
            raise _reused(request)
        return msgspec.json.decode(stored.body, type=Answer)

    def _finish(self, key: tuple[str, str], task: asyncio.Task[Answer]) -> None:
        """Forget requests that failed for a passing reason, so that a retry with the same id runs again.

        Keep refusals: a retry gets the same refusal. A reused id is no answer to the request that has this id.
        """
        error = None if task.cancelled() else task.exception()
        if task.cancelled() or isinstance(error, StorageUnavailable | ResourceExhausted | RequestReused):
            self._remembered.pop(key, None)
        elif isinstance(error, RescueError) and key in self._remembered:
            # The task would keep the frames that the refusal came through, and with them the whole request.
            self._remembered[key].task, self._remembered[key].refusal = None, error

    def _trim(self) -> None:
        if len(self._remembered) > REMEMBERED_ANSWERS:
            oldest = next(iter(self._remembered))
            task = self._remembered[oldest].task
            if task is None or task.done():
                del self._remembered[oldest]


def stored_answer(answer: Answer, request: Request) -> StoredAnswer:
    """Return what the store keeps for a retry."""
    return StoredAnswer(
        request_id=request.id,
        principal=request.principal,
        fingerprint=request.fingerprint,
        revision=answer.revision,
        body=msgspec.json.encode(answer),
    )


def _reused(request: Request) -> RescueError:
    """Return the refusal of an id that came again with another content."""
    return RequestReused(f"request id {request.id} was used for something else: take a fresh one")
