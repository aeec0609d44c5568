"""How many wrong PINs are judged, so that no guesser finds one in time and no customer is shut out. Pure.

Only wrong PINs count. Each source has an allowance of its own. Beside it, all sources of one kind share one:

- newcomers have hardly been wrong lately. Guessers soon are none, so their guesses leave this allowance to customers.
- guessers, all others, are judged slowly, however many addresses they have.
- this machine is apart: nobody elsewhere can use up what its programs have.

Whoever has to wait is judged later, not refused for ever; `pin_attempts.py` says in which order.
"""

from __future__ import annotations

from rescue_common.allowance import Allowance, Allowances
from rescue_protos.errors import ResourceExhausted
from rescue_server.runtime.allowance import THIS_MACHINE

# A PIN has a million values and lives for 999 minutes at most. In that time all allowances together make 13,000 wrong
# PINs, so that 1.3 % of all PINs are tried; in the 20 minutes that a PIN usually lives, 0.12 %.
EACH = Allowance(at_once=30, every=10.0)
NEWCOMERS = Allowance(at_once=300, every=12.0)
GUESSERS = Allowance(at_once=100, every=20.0)
HERE = Allowance(at_once=500, every=15.0)
# With this many wrong PINs a source is no newcomer; one is forgotten every six hours.
FEW = Allowance(at_once=3, every=6 * 3600.0)


class PinGuesses:
    """Counts wrong PINs by source and by kind of source. Times are real seconds."""

    def __init__(self) -> None:
        self._each = Allowances(EACH)
        self._remembered = Allowances(FEW)
        self._newcomers, self._guessers, self._here = (Allowances(one) for one in (NEWCOMERS, GUESSERS, HERE))

    def wait(self, source: str, now: float) -> float:
        """Return the real seconds until a PIN of this source may be judged; 0 if it may now."""
        return max(allowances.wait(key, now) for allowances, key in self._concerned(source, now))

    def wrong(self, source: str, now: float) -> None:
        """Count a wrong PIN."""
        for allowances, key in self._concerned(source, now):
            allowances.spend(key, now)
        self._remembered.spend(source, now)

    def right(self, source: str) -> None:
        """Take a source that had a right PIN for a newcomer again; what it used up stays so."""
        self._remembered.forget(source)

    def remembered(self, source: str, now: float) -> float:
        """Return how often the source was wrong lately: who was so less often is judged first."""
        return self._remembered.spent(source, now)

    def _concerned(self, source: str, now: float) -> list[tuple[Allowances, str]]:
        if source in THIS_MACHINE:
            return [(self._here, "")]
        is_newcomer = self._remembered.wait(source, now) == 0
        return [(self._each, source), (self._newcomers if is_newcomer else self._guessers, "")]


def too_many_wrong_pins(wait: float) -> ResourceExhausted:
    """Return the refusal of a PIN that is not judged now."""
    return ResourceExhausted(
        f"too many wrong PINs: the next attempt is possible in {wait:.1f} s",
        reason="TOO_MANY_WRONG_PINS",
        retry_after=wait,
    )
