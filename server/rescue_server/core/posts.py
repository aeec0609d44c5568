"""The posts of one session (Post to URL): what each is about, and whether it was sent."""

from __future__ import annotations

from enum import StrEnum

import msgspec
from msgspec.structs import replace

from rescue_server.core import events
from rescue_server.core.posting import PostKind


class PostState(StrEnum):
    """How far a post is."""

    PENDING = "pending"
    SENT = "sent"
    GIVEN_UP = "given up"


class Post(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One post. `delivery` names it to its receiver, at each attempt.

    `technician` is the lead whom it names, with their `node`, and `group` whose settings apply. `attempts` are all that
    were made, `failures` those since the post was last to be sent anew. `url` and `answer` are of the last attempt.
    """

    delivery: str
    kind: PostKind
    technician: str
    group: str
    node: int = 0
    state: PostState = PostState.PENDING
    attempts: int = 0
    failures: int = 0
    url: str = ""
    answer: str = ""


PostEvent = events.PostDue | events.PostSent | events.PostFailed | events.PostGivenUp | events.PostRetried


def follow_posts(posts: tuple[Post, ...], event: PostEvent) -> tuple[Post, ...]:
    """Return the posts of a session after the event, in the order in which they became due."""
    if isinstance(event, events.PostDue):
        new = Post(
            delivery=event.delivery, kind=event.kind, technician=event.technician, group=event.group, node=event.node
        )
        return (*posts, new)
    return tuple(_changed(post, event) if post.delivery == event.delivery else post for post in posts)


def first_pending(posts: tuple[Post, ...]) -> Post | None:
    """Return the post to send next; a later one waits until it is sent or given up."""
    return next((post for post in posts if post.state is PostState.PENDING), None)


def _changed(post: Post, event: PostEvent) -> Post:
    match event:
        case events.PostSent():
            return replace(
                post, state=PostState.SENT, attempts=event.attempt, url=event.url, answer=f"HTTP {event.status}"
            )
        case events.PostFailed():
            failures = post.failures if event.extra else post.failures + 1
            return replace(post, attempts=event.attempt, failures=failures, url=event.url, answer=answer_of(event))
        case events.PostGivenUp():
            return replace(post, state=PostState.GIVEN_UP, answer=event.reason or post.answer)
        case events.PostRetried():
            return replace(post, state=PostState.PENDING, failures=0)
    return post


def answer_of(event: events.PostSent | events.PostFailed) -> str:
    """Return what came of an attempt, for people."""
    reason = event.reason if isinstance(event, events.PostFailed) else ""
    return reason or f"HTTP {event.status}"
