"""Everything arrives later, each way, by real time."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from rescue_applet.network.condition import Condition
from rescue_common.lan_notation import Delay


def weaken(fault: Delay, condition: Condition) -> Condition:
    """Return the condition with this fault added."""
    return replace(condition, delay=fault.by.total_seconds(), jitter=fault.jitter.total_seconds())


def lateness(condition: Condition, random: Random) -> float:
    """Return by how much (real seconds) a segment is late."""
    return condition.delay + (random.uniform(-condition.jitter, condition.jitter) if condition.jitter else 0.0)
