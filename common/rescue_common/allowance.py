"""How often each source may do something: some times at once, then again one by one. Pure; time is an argument."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

MAX_SOURCES = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """`at_once` times, and one more `every` so many real seconds."""

    at_once: int
    every: float


class Allowances:
    """What each source has left of the same allowance. Sources are forgotten when there are too many of them."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._whole_at: OrderedDict[str, float] = OrderedDict()
        """When each source has its whole allowance again."""

    def wait(self, source: str, now: float) -> float:
        """Return the real seconds until the source may do it once more; 0 if it may now."""
        spent_for = self._whole_at.get(source, now) - now
        return max(0.0, spent_for - (self._allowance.at_once - 1) * self._allowance.every)

    def spend(self, source: str, now: float) -> None:
        """Count that the source does it now."""
        self._whole_at[source] = max(self._whole_at.get(source, now), now) + self._allowance.every
        self._whole_at.move_to_end(source)
        while len(self._whole_at) > MAX_SOURCES:
            self._whole_at.popitem(last=False)

    def spent(self, source: str, now: float) -> float:
        """Return how many times count against the source now."""
        return max(0.0, self._whole_at.get(source, now) - now) / self._allowance.every

    def forget(self, source: str) -> None:
        """Give the source its whole allowance again."""
        self._whole_at.pop(source, None)

    def __len__(self) -> int:
        return len(self._whole_at)
