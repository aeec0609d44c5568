"""What the figures of the cases should reach: of a median, or of its ratio to the peer's median."""

from __future__ import annotations

from dataclasses import dataclass

CPU_BEAT, MS, CPU_COMMAND, CPU_DELIVERY = (
    "us of CPU a heartbeat",
    "ms a command",
    "us of CPU a command",
    "us of CPU a delivery",
)
ATTACH, MEMORY, P99 = "attach s", "KB an applet", "p99 ms"


@dataclass(frozen=True, slots=True)
class Goal:
    """A limit, in the figure's unit or, if `is_ratio`, in times the peer's figure. `is_least`: more is better."""

    limit: float
    is_ratio: bool = False
    is_least: bool = False

    def __str__(self) -> str:
        return f"{'≥' if self.is_least else '≤'} {self.limit:,g}{' ×' if self.is_ratio else ''}"

    def is_reached(self, ours: float, peer: float | None) -> bool:
        """Whether a median is at the goal or better. Without a peer, no ratio is."""
        if self.is_ratio and not peer:
            return False
        value = ours / peer if self.is_ratio and peer else ours
        return value >= self.limit if self.is_least else value <= self.limit


def _ratio(limit: float) -> Goal:
    return Goal(limit, is_ratio=True)


def _rate(least: float) -> Goal:
    """Return the goal of a time per piece whose rate should be at least this part of the peer's."""
    return Goal(round(1 / least, 2), is_ratio=True)


_GAPS = {"median s without answer": Goal(1), "worst s without answer": Goal(2)}
_LONG_JOURNAL = {
    "s to start": Goal(1),
    "why ms": Goal(50),
    "timeline ms": Goal(50),
    "events --since ms": Goal(50),
    "times that beside readers": Goal(1.5),
}
GOALS: dict[str, dict[str, Goal]] = {
    "heartbeats, 1,000 applets, 2,000 a second": {CPU_BEAT: _ratio(1.1), MEMORY: _ratio(1.1)},
    "heartbeats, 1,000 applets, 5,000 a second": {CPU_BEAT: _ratio(1.1), MEMORY: _ratio(1.1)},
    "heartbeats, 10,000 applets, 2,000 a second": {CPU_BEAT: _ratio(1.1), ATTACH: _ratio(1.4), MEMORY: _ratio(1.1)},
    "heartbeats, longest block, 10,000 applets": {"longest block ms": Goal(50)},
    "commands, 16 callers": {MS: _rate(0.6)},
    "commands, 64 callers": {MS: _rate(0.6)},
    "commands by stream, 16 under way": {MS: _rate(0.9)},
    "commands by stream, 64 under way": {MS: _rate(0.9)},
    "fanout, chat to 10 consoles": {CPU_DELIVERY: _ratio(1.5), P99: _ratio(1.3)},
    "fanout, chat to 100 consoles": {CPU_DELIVERY: _ratio(1.2), P99: _ratio(1.3)},
    "fanout, chat to 1,000 consoles": {CPU_DELIVERY: _ratio(1.2), P99: _ratio(1.3)},
    "fanout, a channel of 100 technicians": {CPU_DELIVERY: _ratio(1.3)},
    "fanout, a channel of 1,000 technicians": {CPU_DELIVERY: _ratio(1.3)},
    "starting": {"server ready ms": Goal(279), "rescue --help ms": Goal(43), "next World() ms": Goal(150)},
    "growth, 100,000 events, all sessions kept": _LONG_JOURNAL,
    "growth, 1,000,000 events, all sessions kept": _LONG_JOURNAL,
    "growth, 1,000,000 events, default options": _LONG_JOURNAL,
    "growth, 20,000 entries in a queue": {
        "console ms": Goal(1000),
        "console: others wait ms": Goal(20),
        "list: others wait ms": Goal(20),
        "focus: others wait ms": Goal(20),
        "setting: others wait ms": Goal(20),
    },
    "growth, a day when 10,000 applets are gone": {"s for 24 hours": Goal(5), "others wait ms": Goal(50)},
    "growth, all published rows": {"s for 62 rows": Goal(9)},
    "exercises, start of each row": {"longest ms to start": Goal(2000)},
    "class, thirty people": {"p95 ms to the page": Goal(300), "% of a core, server": Goal(50)},
    "api, getSession_v3 over 100 sessions": {"ms a request": _rate(0.7)},
    "cluster, commands, 64 callers, nats, 0 that follow here": {MS: _rate(0.7)},
    "cluster, commands, 64 callers, etcd, 0 that follow here": {MS: _rate(0.7)},
    "edges, heartbeats, 1,000 applets, 2,000 a second": {"times less at the leader": Goal(20, is_least=True)},
    "edges, heartbeats of two full servers": {"answers a second": Goal(1.7, is_ratio=True, is_least=True)},
    "edges, deliveries of two busy servers": {"deliveries a second": Goal(1.7, is_ratio=True, is_least=True)},
    "cluster, a new leader of 100,000 sessions": {"s from lead to answer": Goal(0.5)},
    "cluster, consoles when the leader dies, nats": _GAPS,
    "cluster, consoles when the leader dies, etcd": _GAPS,
    "cluster, consoles when the edge dies, nats": {"worst s without answer": Goal(1)},
    "cluster, consoles when the edge dies, etcd": {"worst s without answer": Goal(1)},
    "cluster, consoles when the node dies, nats": {"worst s without answer": Goal(10)},
    "cluster, consoles when the node dies, etcd": {"worst s without answer": Goal(2)},
}


def goal_of(case: str, figure: str) -> Goal | None:
    """Return the goal of a figure; None if it has none."""
    return GOALS.get(case, {}).get(figure)
