"""What a server of a cluster says on its output: when it is ready, and later whom it follows or that it leads."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping

from rescue_server.app import print_urls
from rescue_server.cluster.standing import MemberStanding


class Announcement:
    """The output of one server. `as_json`: an object a line. It is ready once `send` was called, too."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json
        self._said: tuple[bool, str] | None = None
        self._urls: Mapping[str, str] | None = None
        self._metrics_at = ""
        self._standing: MemberStanding | None = None
        self.is_known = asyncio.Event()
        """Set when it is known who leads: from then on clients find this server."""

    def send(self, urls: Mapping[str, str]) -> None:
        """Take what this server offers beside the contract, and say that it is ready."""
        metrics = {"metrics": self._metrics_at} if self._metrics_at else {}
        self._urls = {**metrics, **urls}
        if self._standing is not None:
            self.show(self._standing)

    def measured_at(self, address: str) -> None:
        """Take where the metrics are; empty if nowhere."""
        self._metrics_at = address

    def show(self, standing: MemberStanding) -> None:
        """Say what this server is now, unless that was said last. Without a leader there is nothing to say yet."""
        place = standing.place
        now = (standing.leads, place.leader)
        if now == self._said or not (standing.leads or (place.leader and place.leader != standing.name)):
            return
        self._standing = standing
        self.is_known.set()
        if self._urls is None:
            return
        first, self._said = self._said is None, now
        if self._as_json:
            kind = "ready" if first else ("leads" if standing.leads else "follows")
            facts = {"server": standing.address, "pid": os.getpid(), "name": standing.name, "leader": place.leader}
            beside = self._urls if first else {}
            print(json.dumps({"event": kind, **facts, "epoch": place.epoch, **beside}), flush=True)
            return
        role = f"leads (epoch {place.epoch})" if standing.leads else f"follows {place.leader} at {place.address}"
        if first:
            print_urls(self._urls)
            print(f"ready: {role}, listening on {standing.address}", flush=True)
        else:
            print(f"rescue server: {standing.name} {role}", file=sys.stderr, flush=True)
