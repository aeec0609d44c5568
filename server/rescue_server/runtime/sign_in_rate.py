"""How fast somebody may guess: each wrong PIN or secret costs more time than the last. Pure; time is an argument.

A few failures are free, because people mistype. After those, each failure makes everybody concerned wait twice as long
as the one before, up to a longest wait; with time failures are forgotten, one by one. Whoever succeeds never waits for
it. Failures are counted for each source (a peer), and for all sources together, because a guesser may have many.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

MAX_SOURCES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """`free` failures cost nothing; the next one `first_wait`, then always twice as much, at most `longest_wait`.

    One failure is forgotten every `forget_after`. All in real seconds.
    """

    free: int
    first_wait: float
    longest_wait: float
    forget_after: float

    def wait_after(self, failures: float) -> float:
        """How long nobody may try after so many failures."""
        beyond = failures - self.free
        if beyond <= 0:
            return 0.0
        # Beyond 2**60 no sensible policy is still below its longest wait.
        return float(min(self.first_wait * 2 ** min(beyond - 1, 60), self.longest_wait))


@dataclass(slots=True)
class _Record:
    failures: float = 0.0
    counted_at: float = 0.0
    open_at: float = 0.0

    def fade(self, policy: Policy, now: float) -> None:
        self.failures = max(0.0, self.failures - (now - self.counted_at) / policy.forget_after)
        self.counted_at = now

    def fail(self, policy: Policy, now: float) -> None:
        self.fade(policy, now)
        self.failures += 1
        self.open_at = now + policy.wait_after(self.failures)


class AttemptLimiter:
    """Failures by source, and overall if there is a policy for that. The record is bounded."""

    def __init__(self, *, each: Policy, overall: Policy | None = None) -> None:
        self._each = each
        self._overall = overall
        self._all = _Record()
        self._by_source: OrderedDict[str, _Record] = OrderedDict()

    def wait(self, source: str, now: float) -> float:
        """Real seconds until this source may try; 0 if it may now."""
        record = self._by_source.get(source)
        return max(0.0, self._all.open_at - now, record.open_at - now if record else 0.0)

    def failed(self, source: str, now: float) -> None:
        """An attempt that was let through was wrong."""
        if self._overall is not None:
            self._all.fail(self._overall, now)
        record = self._by_source.setdefault(source, _Record(counted_at=now))
        record.fail(self._each, now)
        self._by_source.move_to_end(source)
        while len(self._by_source) > MAX_SOURCES:
            # Whoever has so many addresses is slowed down by the overall count.
            self._by_source.popitem(last=False)


# A PIN has a million values and lives 999 minutes at most. The overall limit alone makes trying all of them take
# 57 days; customers who mistype do not notice any of it.
PINS_EACH = Policy(free=10, first_wait=1.0, longest_wait=900.0, forget_after=600.0)
PINS_OVERALL = Policy(free=100, first_wait=0.1, longest_wait=5.0, forget_after=60.0)
