"""The limits of the public API count in real time, key by key, and keep a bounded number of keys."""

from __future__ import annotations

import pytest

from rescue_api import limits
from rescue_api.limits import ApiLimits, RateLimit
from rescue_api.words import MethodFailed, Word


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_ten_logins_in_three_minutes() -> None:
    clock = Clock()
    known = ApiLimits(enforced=True, now=clock)
    for _ in range(10):
        known.login("alice@rescue.test")
        clock.now += 1
    for address in ("alice@rescue.test", "ALICE@rescue.test"):
        with pytest.raises(MethodFailed) as failed:
            known.login(address)
        assert failed.value.word is Word.LIMIT_REACHED
    known.login("bob@rescue.test")
    clock.now = 1180.0
    known.login("alice@rescue.test")  # the first one is three minutes ago
    with pytest.raises(MethodFailed):
        known.login("alice@rescue.test")


def test_a_pin_a_second_and_a_report_a_minute() -> None:
    clock = Clock()
    known = ApiLimits(enforced=True, now=clock)
    for count, key, seconds in ((known.pin, "alice", 1.0), (known.report, "area 0", 60.0)):
        count(key)
        count("other")
        clock.now += seconds - 0.1
        with pytest.raises(MethodFailed) as failed:
            count(key)
        assert failed.value.word is Word.POLL_RATE_EXCEEDED
        clock.now += 0.1
        count(key)


def test_nothing_is_limited_unless_it_is_wanted() -> None:
    known = ApiLimits(now=Clock())
    for _ in range(100):
        known.login("alice")
        known.pin("alice")
        known.report("alice")


def test_keys_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_MOST_KEYS", 3)
    limit = RateLimit(1, 60, Word.POLL_RATE_EXCEEDED)
    for key in "abcd":
        limit.spend(key, 0.0)
    limit.spend("a", 1.0)
    with pytest.raises(MethodFailed):
        limit.spend("d", 1.0)
