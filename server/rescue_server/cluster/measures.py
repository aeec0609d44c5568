"""What Prometheus reads of a server as one of several: what it is now, and what happened since it started."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rescue_server.cluster.standing import MemberStanding
from rescue_server.observe.observation import Measure
from rescue_server.replicated.log import InDoubt, LogError
from rescue_server.store.errors import StoreError


@dataclass(slots=True, kw_only=True)
class Happened:
    """How often something happened, over all terms. `led`: it came to lead. `deposed`: it had to stop leading.

    `linked`: whether it ever heard the news of a leader.
    """

    linked: bool = False
    led: int = 0
    deposed: int = 0
    in_doubt: int = 0

    def count_end(self, deposed_by: LogError | StoreError | None) -> None:
        """A term has ended, because of this or in order."""
        self.deposed += deposed_by is not None
        self.in_doubt += isinstance(deposed_by, InDoubt)


def measure(standing: MemberStanding, happened: Happened) -> Sequence[Measure]:
    """Return the measures of one moment."""
    members, place = standing.members(), standing.place
    furthest = max((member.position for member in members if member.leads), default=place.position)
    now = {
        "leads": ("Whether this server leads its cluster.", standing.leads),
        "servers": ("The servers of the cluster that this one knows to be there.", len(members)),
        "epoch": ("How many leaders there have been.", place.epoch),
        "position": ("The last record of the log that this server has applied.", place.position),
        "lag_records": ("How many records it is behind the leader.", max(0, furthest - place.position)),
    }
    since = {
        "failovers": ("How often this server came to lead.", happened.led),
        "depositions": ("How often it had to stop leading.", happened.deposed),
        "in_doubt": ("How often that was because the engine did not say what became of a record.", happened.in_doubt),
    }
    return [
        *(Measure(name=f"rescue_cluster_{name}", text=text, value=value) for name, (text, value) in now.items()),
        *(
            Measure(name=f"rescue_cluster_{name}", text=text, value=value, counts=True)
            for name, (text, value) in since.items()
        ),
    ]
