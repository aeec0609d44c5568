"""The side of the contract for Post to URL: which posts there are, and sending one at once."""

from __future__ import annotations

from collections.abc import AsyncIterator

from rescue_protos.v1 import post_pb2 as pb
from rescue_protos.v1 import post_pb2_grpc
from rescue_server.core.posting import PostKind
from rescue_server.core.posts import Post, PostState
from rescue_server.rpc import translate
from rescue_server.rpc.call_context import CallContext
from rescue_server.rpc.guard import caller
from rescue_server.runtime.engine import Engine
from rescue_server.runtime.post_handlers import find_post, retry_post

_PORTION = 200  # sessions looked at for one message
_KINDS = {kind: pb.PostKind.Value(f"POST_KIND_{kind.name}") for kind in PostKind}
_STATES = {state: pb.PostState.Value(f"POST_STATE_{state.name}") for state in PostState}


class PostService(post_pb2_grpc.PostServiceServicer):
    """Reads the published state; the sender follows what it stores."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def ListPosts(
        self, request: pb.ListPostsRequest, context: CallContext
    ) -> AsyncIterator[pb.ListPostsResponse]:
        wanted = set(request.states)
        sessions = sorted(self._engine.published.sessions.unpacked(), key=lambda session: int(session.id))
        for start in range(0, len(sessions), _PORTION):
            yield pb.ListPostsResponse(
                posts=[
                    _message(session.id, post)
                    for session in sessions[start : start + _PORTION]
                    for post in session.posts
                    if not wanted or _STATES[post.state] in wanted
                ]
            )

    async def RetryPost(self, request: pb.RetryPostRequest, context: CallContext) -> pb.RetryPostResponse:
        asked = translate.request_of(caller().name, request)
        answer = await self._engine.perform(retry_post(caller().name, request.delivery), asked)
        _, post = find_post(self._engine.published, request.delivery)
        return pb.RetryPostResponse(revision=answer.revision, delivery=post.delivery)


def _message(session: str, post: Post) -> pb.Post:
    return pb.Post(
        delivery=post.delivery,
        session=session,
        kind=_KINDS[post.kind],
        technician=post.technician,
        group=post.group,
        state=_STATES[post.state],
        attempts=post.attempts,
        url=post.url,
        answer=post.answer,
    )
