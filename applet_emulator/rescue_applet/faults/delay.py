"""Everything arrives later, each way, by real time."""

from __future__ import annotations

from dataclasses import replace

from rescue_applet.network.condition import Condition
from rescue_common.lan_notation import Delay


def affect(fault: Delay, condition: Condition) -> Condition:
    """Return the condition with this fault added."""
    return replace(condition, delay=fault.by.total_seconds(), jitter=fault.jitter.total_seconds())
