"""What a server of a cluster says on its output: when it is ready, and later whom it follows or that it leads."""

from __future__ import annotations

import json
import os
import sys

from rescue_server.cluster.standing import MemberStanding


class Announcement:
    """The output of one server. `as_json`: an object a line."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._said: tuple[bool, str] | None = None

    def show(self, standing: MemberStanding) -> None:
        """Say what this server is now, unless that was said last. Without a leader there is nothing to say yet."""
        place = standing.place
        now = (standing.leads, place.leader)
        if now == self._said or not (standing.leads or (place.leader and place.leader != standing.name)):
            return
        first, self._said = self._said is None, now
        if self._as_json:
            kind = "ready" if first else ("leads" if standing.leads else "follows")
            facts = {"server": standing.address, "pid": os.getpid(), "name": standing.name, "leader": place.leader}
            print(json.dumps({"event": kind, **facts, "epoch": place.epoch}), flush=True)
            return
        role = f"leads (epoch {place.epoch})" if standing.leads else f"follows {place.leader} at {place.address}"
        if first:
            print(f"ready: {role}, listening on {standing.address}", flush=True)
        else:
            print(f"rescue server: {standing.name} {role}", file=sys.stderr, flush=True)
