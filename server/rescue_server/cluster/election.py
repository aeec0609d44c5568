"""When a server that follows is to lead: real time is an argument, so that each case can be tested.

Whoever appends the next `lead` record leads; so it harms nobody if two try, or if one tries too early. They wait by
rank for a moment, because attempts at once cost more than that.
"""

from __future__ import annotations

PING = 0.3  # real seconds between signs of life on a link
SILENT = 2.5  # real seconds without one: stopped or cut off, not only short of processor
STARTING = 1.0  # real seconds for which a new leader is left in peace though nobody reached it yet
STEP = 0.08  # real seconds for each rank
LATE = 1.0  # real seconds: a server that did not look for so long itself has heard nobody


class Election:
    """What one server knows of the leader. `me` is its own address, by which leaders are told apart."""

    def __init__(self, me: str) -> None:
        self._me = me
        self._epoch = -1
        self._leader = ""
        self._noticed_at = 0.0  # that this one leads
        self._heard_at: float | None = None
        self._lost_at: float | None = None
        self._rank = 0
        self._looked_at: float | None = None

    def look(self, now: float) -> None:
        """This server looks again. If it was late itself, it listens anew before it takes anybody for silent."""
        if self._looked_at is not None and now - self._looked_at > LATE:
            self._noticed_at = max(self._noticed_at, now)
            self._heard_at = None if self._heard_at is None else now
        self._looked_at = now

    def saw(self, *, epoch: int, leader: str, now: float) -> None:
        """Take in what the log says: the leader's address, empty if nobody leads."""
        if (epoch, leader) != (self._epoch, self._leader):
            self._epoch, self._leader, self._noticed_at = epoch, leader, now
            self._heard_at = self._lost_at = None

    def received(self, now: float, *, rank: int | None = None) -> None:
        """The leader gave a sign of life. `rank`: how many other servers are to try before this one."""
        self._heard_at, self._lost_at = now, None
        self._rank = self._rank if rank is None else rank

    def reached(self, now: float) -> None:
        """The leader's port is open. That counts once, until it says something."""
        if self._heard_at is None:
            self._heard_at = now

    def lost(self, now: float) -> None:
        """The leader's port is closed."""
        if self._lost_at is None:
            self._lost_at = now

    def silence(self, now: float) -> float:
        """Return for how many real seconds this server has heard nothing of a leader."""
        return now - (self._noticed_at if self._heard_at is None else self._heard_at)

    def reason(self, now: float) -> str:
        """Say why this server tries to lead."""
        if not self._leader:
            return "nobody leads"
        if self._leader == self._me:
            return "it led before its restart"
        if self._lost_at is not None:
            return f"the port of {self._leader} is closed"
        return f"{self._leader} is silent for {now - (self._heard_at or self._noticed_at):.1f} s"

    def due(self) -> float:
        """Return when this server is to try to lead."""
        wait = self._rank * STEP
        if self._leader == self._me:
            return self._noticed_at  # in an earlier life
        if not self._leader:
            return self._noticed_at + wait
        if self._heard_at is None:
            return self._noticed_at + STARTING + wait
        if self._lost_at is not None:
            return self._lost_at + wait
        return self._heard_at + SILENT + wait
