"""What the gRPC health service says of one server of a cluster: whether it is one to call, and whether it leads."""

from __future__ import annotations

import asyncio

from rescue_server.cluster.election import PING
from rescue_server.cluster.standing import MemberStanding
from rescue_server.cluster.uplink import Uplink
from rescue_server.rpc.listener import Listener


class MemberHealth:
    """Keeps it up to date in one term. A server that follows is one to call while it is linked to the leader."""

    def __init__(self, listener: Listener, standing: MemberStanding, uplink: Uplink) -> None:
        self._listener = listener
        self._standing = standing
        self._uplink = uplink
        self._said: tuple[bool, bool] | None = None

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            await self.refresh()
            await asyncio.sleep(PING)

    async def refresh(self) -> None:
        """Say what holds now, if it is something else."""
        leads = self._standing.leads
        found = (leads or self._uplink.is_open, leads)
        if found != self._said:
            self._said = found
            await self._listener.say(serves=found[0], leads=leads)
