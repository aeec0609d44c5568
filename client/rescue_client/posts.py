"""Post to URL: the posts of the sessions that a server has, and sending one at once."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rescue_client.connection import Connection
from rescue_client.service import ServiceClient
from rescue_protos.v1 import post_pb2, post_pb2_grpc

if TYPE_CHECKING:
    from rescue_protos.v1.post_pb2_grpc import PostServiceAsyncStub

_TIMEOUT = 10.0  # real seconds
PENDING, SENT, GIVEN_UP = "pending", "sent", "given-up"
_STATES = {
    post_pb2.POST_STATE_PENDING: PENDING,
    post_pb2.POST_STATE_SENT: SENT,
    post_pb2.POST_STATE_GIVEN_UP: GIVEN_UP,
}
_KINDS = {post_pb2.POST_KIND_START: "start", post_pb2.POST_KIND_END: "end"}


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPost:
    """One post. `state` is pending, sent or given-up; `kind` is start or end.

    `url` and `answer` are of the last attempt, empty before the first. The URL has no user, password and query.
    """

    delivery: str
    session: str
    kind: str
    technician: str
    group: str
    state: str
    attempts: int
    url: str
    answer: str

    def as_json(self) -> dict[str, object]:
        """Return the object that `--json` prints."""
        return asdict(self)


class PostClient:
    """The posts of a server. Every method raises RescueError."""

    def __init__(self, connection: Connection) -> None:
        self._service: ServiceClient[PostServiceAsyncStub] = ServiceClient(
            connection, post_pb2_grpc.PostServiceStub, timeout=_TIMEOUT
        )

    async def all(self, *states: str) -> list[SessionPost]:
        """Return the posts in these states, or all, sorted by session and in the order in which they are sent."""
        wanted = [number for number, state in _STATES.items() if state in states]
        request = post_pb2.ListPostsRequest(states=wanted)
        found: list[SessionPost] = []
        async with aclosing(self._service.stream(lambda stub: stub.ListPosts, request)) as messages:
            async for message in messages:
                found += _posts(message.posts)
        return found

    async def retry(self, delivery: str) -> str:
        """Have a post sent at once, by its id or the beginning of it; return its whole id."""
        request = post_pb2.RetryPostRequest(request_id=str(uuid.uuid4()), delivery=delivery)
        answer = await self._service.call_idempotent(lambda stub: stub.RetryPost, request)
        return answer.delivery


def _posts(messages: Iterable[post_pb2.Post]) -> Iterable[SessionPost]:
    return (
        SessionPost(
            delivery=message.delivery,
            session=message.session,
            kind=_KINDS.get(message.kind, "unknown"),
            technician=message.technician,
            group=message.group,
            state=_STATES.get(message.state, "unknown"),
            attempts=message.attempts,
            url=message.url,
            answer=message.answer,
        )
        for message in messages
    )
