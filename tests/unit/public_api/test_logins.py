"""The cookies of the public API: they look like the vendor's, and say whose they are to all companions with one key."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from rescue_api.logins import IDLE, MOVES_WITHIN, ApiLogins

NOW = datetime(2026, 3, 1, 9, 5, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def here() -> ApiLogins:
    return ApiLogins("key")


@pytest.fixture
def there() -> ApiLogins:
    return ApiLogins("key")


def test_a_cookie_looks_like_the_vendors_and_no_two_are_the_same(here: ApiLogins) -> None:
    cookies = {here.open(7, NOW) for _ in range(20)}
    assert len(cookies) == 20
    assert all(re.fullmatch("[0-9a-z]{24}", cookie) for cookie in cookies)
    assert {here.node_of(cookie, NOW) for cookie in cookies} == {7}


@pytest.mark.parametrize("node", [0, 1, 2**30 - 1])
@pytest.mark.parametrize("now", [NOW, datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)])
def test_another_companion_with_the_key_knows_whose_it_is(
    here: ApiLogins, there: ApiLogins, node: int, now: datetime
) -> None:
    assert there.node_of(here.open(node, now), now) == node


def test_no_other_key_and_no_changed_cookie_will_do(here: ApiLogins) -> None:
    cookie = here.open(7, NOW)
    assert ApiLogins("other").node_of(cookie, NOW) is None
    assert ApiLogins().node_of(ApiLogins().open(7, NOW), NOW) is None
    for place in range(len(cookie)):
        changed = cookie[:place] + ("b" if cookie[place] != "b" else "c") + cookie[place + 1 :]
        assert here.node_of(changed, NOW) is None
    for other in ("", cookie[1:], cookie.upper() + "A", "\u00e9" * 24, "z" * 24):
        assert here.node_of(other, NOW) is None


def test_where_it_is_used_it_dies_without_a_call(here: ApiLogins) -> None:
    cookie = here.open(7, NOW)
    used = NOW + IDLE - SECOND
    assert here.node_of(cookie, used) == 7
    assert here.node_of(cookie, used + IDLE - SECOND) == 7
    assert here.node_of(cookie, used + 2 * IDLE) is None
    assert here.node_of(cookie, used) is None, "void is void"


def test_elsewhere_it_is_accepted_for_a_day(here: ApiLogins, there: ApiLogins) -> None:
    early, late = here.open(7, NOW), here.open(7, NOW)
    assert there.node_of(early, NOW + MOVES_WITHIN - timedelta(minutes=10)) == 7
    assert there.node_of(late, NOW + MOVES_WITHIN) is None


def test_after_a_logout_it_is_void_where_that_was(here: ApiLogins, there: ApiLogins) -> None:
    cookie = here.open(7, NOW)
    here.close(cookie, NOW)
    assert here.node_of(cookie, NOW) is None
    assert there.node_of(cookie, NOW) == 7, "nobody tells the others"
    here.close("none of ours", NOW)
