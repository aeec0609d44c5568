"""The handler of what administrators do with posts, for the engine."""

from __future__ import annotations

from rescue_protos.errors import FailedPrecondition, InvalidArgument, NotFound
from rescue_server.core import decide, events
from rescue_server.core.posts import Post, PostState
from rescue_server.runtime.engine import Handler, Outcome
from rescue_server.runtime.state import EngineState


def retry_post(administrator: str, delivery: str) -> Handler:
    """Have a post sent at once. Raises NotFound, InvalidArgument, FailedPrecondition."""

    def handle(state: EngineState, context: decide.Context) -> Outcome:
        session, post = find_post(state, delivery)
        if post.state is PostState.SENT:
            raise FailedPrecondition(
                f"the post {post.delivery} was sent ({post.answer})",
                reason="POST_SENT",
                metadata={"delivery": post.delivery},
            )
        retried = events.PostRetried(
            session=session, at=context.now, delivery=post.delivery, kind=post.kind, administrator=administrator
        )
        return Outcome(events=[retried])

    return handle


def find_post(state: EngineState, delivery: str) -> tuple[str, Post]:
    """Return a post and the id of its session, by the post's id or the beginning of it.

    Raises NotFound; InvalidArgument if several posts begin so.
    """
    found = [
        (session.id, post)
        for session in state.sessions.unpacked()
        for post in session.posts
        if delivery and post.delivery.startswith(delivery)
    ]
    if not found:
        raise NotFound.of("post", delivery, "`rescue posts` shows those there are")
    if len(found) > 1:
        raise InvalidArgument.of("delivery", f"{len(found)} posts begin with {delivery!r}: give more of the id")
    return found[0]
