"""Idempotent requests: the same request id gets the same answer and has no second effect.

Answers are stored with the events that they report, so a retry is answered even after a restart. A refusal changed
nothing and is kept in memory only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

import msgspec

from rescue_common.background_tasks import BackgroundTasks
from rescue_protos.errors import RequestReused, RescueError, ResourceExhausted, StorageUnavailable
from rescue_server.core.decide import Context
from rescue_server.runtime.pending_answer import PendingAnswer
from rescue_server.runtime.request_ids import RequestIds
from rescue_server.runtime.state import AnyEvent, EngineState
from rescue_server.runtime.store_thread import StoreThread
from rescue_server.store.protocol import StoredAnswer

REMEMBERED_REFUSALS = 10_000
_PASSING = (StorageUnavailable, ResourceExhausted, RequestReused)
READ_AT_ONCE = 5_000  # ids of the store: commands wait for no more than this


class Answer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The answer to a request; stored with its events, so that a retry gets the same."""

    revision: int = 0
    session: str = ""
    pin: str = ""
    valid_for: timedelta = timedelta(0)
    technicians: tuple[str, ...] = ()
    sessions: int = 0
    node: int = 0
    until: datetime | None = None
    """Where an advance of the clock goes to."""


class Request(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who sent the request, under which id. `fingerprint` tells a retry from another request with the same id."""

    principal: str
    id: str
    fingerprint: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a handler returns: events in order, and the answer (the engine fills in its revision)."""

    events: Sequence[AnyEvent] = ()
    answer: Answer = Answer()


Handler = Callable[[EngineState, Context], Outcome]


@dataclass(slots=True)
class _Remembered:
    fingerprint: str
    answer: PendingAnswer


class OnceOnly:
    """Runs each request once, and gives its retries the same answer.

    That a request is fresh is known without asking the store, once the ids in it are known.
    """

    def __init__(self, store: StoreThread) -> None:
        self._store = store
        self._remembered: dict[tuple[str, str], _Remembered] = {}
        self._ids = RequestIds()
        self._knows_stored = False
        self._asking = BackgroundTasks()

    async def learn(self) -> None:
        """Read which requests the store has answers to. Until then it is asked for each. Raises StorageUnavailable."""
        last = ("", "")
        while found := await self._store.run(partial(self._store.store.answered, last, READ_AT_ONCE)):
            for last in found:
                self._ids.add(last)
        self._knows_stored = True

    async def perform(self, request: Request, run: Callable[[], PendingAnswer]) -> Answer:
        """Return the request's answer; call `run` for it unless it ran before. Raises RescueError."""
        key = (request.principal, request.id)
        known = self._remembered.get(key)
        if known is None:
            answer = self._begin(key, request, run)
            known = self._remembered[key] = _Remembered(request.fingerprint, answer)
            self._ids.add(key)
            if answer.is_settled:
                self._finish(key, answer)
            else:
                answer.on_settled = partial(self._finish, key, answer)
            self._trim()
        elif known.fingerprint != request.fingerprint:
            raise _reused(request)
        return await known.answer.wait()

    def _is_fresh(self, key: tuple[str, str]) -> bool:
        return self._knows_stored and not self._ids.may_hold(key)

    def _begin(self, key: tuple[str, str], request: Request, run: Callable[[], PendingAnswer]) -> PendingAnswer:
        if self._is_fresh(key):
            try:
                return run()
            except Exception as error:
                answer = PendingAnswer()
                answer.refuse(error)
                return answer
        answer = PendingAnswer()
        # A task of its own: the caller may be cancelled, but a request must not stop halfway.
        self._asking.start(self._ask_store(request, run, answer))
        return answer

    async def _ask_store(self, request: Request, run: Callable[[], PendingAnswer], answer: PendingAnswer) -> None:
        try:
            stored = await self._store.run(lambda: self._store.store.answer(request.principal, request.id))
            if stored is not None and stored.fingerprint != request.fingerprint:
                raise _reused(request)
            found = await run().wait() if stored is None else msgspec.json.decode(stored.body, type=Answer)
        except Exception as error:
            answer.refuse(error)
        else:
            answer.answer(found)

    def _finish(self, key: tuple[str, str], answer: PendingAnswer) -> None:
        """Keep refusals: a retry gets the same refusal. Answers are in the store.

        Forget requests that failed for a passing reason, so that a retry with the same id runs again. A reused id is no
        answer to the request that has this id.
        """
        if answer.error is None or isinstance(answer.error, _PASSING):
            self._remembered.pop(key, None)

    def _trim(self) -> None:
        if len(self._remembered) > REMEMBERED_REFUSALS:
            oldest = next(iter(self._remembered))
            if self._remembered[oldest].answer.is_settled:
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
