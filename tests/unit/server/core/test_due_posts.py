"""Post to URL: which events make a post due, for which group, and what its events make of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rescue_server.core import events
from rescue_server.core.causes import cause_of
from rescue_server.core.due_posts import due_post
from rescue_server.core.posting import PostKind, PostSettings
from rescue_server.core.posts import PostState, first_pending
from rescue_server.core.session import Session, apply, is_gone, is_settled
from tests.unit.server.core.session_builder import START, SessionBuilder, joined

BOTH = PostSettings(start="http://localhost/start", end="http://localhost/end")


def due(builder: SessionBuilder, **posting: PostSettings) -> list[str]:
    """Return the posts that the builder's events make due, each as its kind, technician and group."""
    organization = replace(builder.organization, posting=posting)
    session: Session | None = None
    found = []
    for event in builder.events:
        before, session = session, apply(session, event)
        post = due_post(before, event, session, organization, new_delivery=lambda: "d")
        found += [f"{post.kind} {post.technician} {post.group}"] if post else []
    return found


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("alice start, alice end", ["start alice Support", "end alice Support"]),
        ("alice start, alice hold, alice start, alice end", ["start alice Support", "end alice Support"]),
        (
            "alice start, alice transfer dave, dave start, close",
            ["start alice Support", "start dave Network", "end dave Network"],
        ),
        # Dave had not picked it up: alice led it last.
        ("alice start, alice transfer dave, close", ["start alice Support", "end alice Support"]),
        ("alice start, alice transfer dave, alice start", ["start alice Support"]),
        ("alice start, alice transfer dave, dave transfer bob, close", ["start alice Support", "end alice Support"]),
        (
            "alice start, alice invite dave, dave start, alice offer dave, dave accept, dave end",
            ["start alice Support", "end dave Network"],
        ),
        ("alice end", []),
        ("close", []),
    ],
)
def test_a_post_is_due_when_a_session_is_picked_up_and_when_one_with_a_lead_ends(
    steps: str, expected: list[str]
) -> None:
    builder = joined()
    for step in steps.split(", "):
        builder.customer(step) if step == "close" else builder.do(step)
    assert due(builder, Support=BOTH, Network=BOTH) == expected


def test_only_what_the_group_of_the_lead_has_a_url_for_is_due() -> None:
    builder = joined()
    for step in ("alice start", "alice transfer dave", "dave start", "dave end"):
        builder.do(step)
    assert due(builder) == []
    assert due(builder, Support=BOTH) == ["start alice Support"]
    assert due(builder, Network=PostSettings(end="http://localhost/")) == ["end dave Network"]


def test_a_session_that_times_out_with_a_lead_is_posted() -> None:
    builder = joined(idle_timeout=timedelta(minutes=1))
    builder.do("alice start")
    assert builder.advance(minutes=2) == ["IDLE_LEAD alice 60"]
    assert due(builder, Support=BOTH) == ["start alice Support", "end alice Support"]


POSTED: Any = {"session": "1", "at": START, "delivery": "d", "kind": PostKind.END}


def test_a_post_is_pending_until_it_is_sent_or_given_up() -> None:
    builder = joined()
    for step in ("alice start", "alice end"):
        builder.do(step)
    builder.take([events.PostDue(**POSTED, technician="alice", group="Support")])
    shown = builder.sees
    assert is_gone(builder.session)
    assert not is_settled(builder.session)
    failed = events.PostFailed(**POSTED, url="http://localhost/end", attempt=1, status=503)
    builder.take([failed, events.PostFailed(**POSTED, url="http://localhost/end", attempt=2, reason="no answer")])
    [post] = builder.session.posts
    assert (post.state, post.attempts, post.failures, post.answer) == (PostState.PENDING, 2, 2, "no answer")
    builder.take([events.PostGivenUp(**POSTED, url="http://localhost/end", attempt=2)])
    assert is_settled(builder.session)
    builder.take([events.PostRetried(**POSTED, administrator="admin")])
    assert first_pending(builder.session.posts) == builder.session.posts[0]
    assert builder.session.posts[0].failures == 0
    builder.take([events.PostSent(**POSTED, url="http://localhost/end", attempt=3, status=204)])
    assert (builder.session.posts[0].state, builder.session.posts[0].answer) == (PostState.SENT, "HTTP 204")
    assert is_settled(builder.session)
    assert builder.sees == shown
    assert not any(builder.updates[-6:])
    assert cause_of(builder.session, failed).facts == {
        "url": "http://localhost/end", "attempt": "1", "answer": "HTTP 503",
    }  # fmt: skip
