"""When a server that follows reports to the leader: what has changed at once, and otherwise as often as it is needed.

Whatever it sends is a sign of life. The leader judges no applet of a server that has been silent for a moment, so there
are more signs while applets are attached. Real time is an argument.
"""

from __future__ import annotations

from rescue_protos.v1 import cluster_pb2
from rescue_server.cluster.election import PING
from rescue_server.cluster.standing import MemberStanding

REGULARLY = 1.0  # real seconds between reports of nothing new


class Reports:
    """The reports over one link."""

    def __init__(self, standing: MemberStanding) -> None:
        self._standing = standing
        self._said: cluster_pb2.LinkReport | None = None
        self._said_at = 0.0
        self._sent_at = 0.0  # that or anything else

    def sent(self, now: float) -> None:
        """Something else was sent."""
        self._sent_at = now

    def due(self, now: float) -> cluster_pb2.LinkReport | None:
        """Return the report that is to be sent now, if there is one; it counts as sent."""
        busy = self._standing.busy()
        report = cluster_pb2.LinkReport(
            position=self._standing.place.position, applets=busy.applets, consoles=busy.consoles
        )
        is_quiet = bool(busy.applets) and now - self._sent_at >= PING / 2
        if report == self._said and not is_quiet and now - self._said_at < REGULARLY:
            return None
        self._said, self._said_at, self._sent_at = report, now, now
        return report
