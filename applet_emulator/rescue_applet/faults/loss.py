"""What goes one way is lost; or a share of all segments is.

A lost segment of a TCP connection is one that comes later: it is sent again after a time-out that doubles each time.
All that follows it waits for it, because TCP keeps the order.
"""

from __future__ import annotations

from dataclasses import replace

from rescue_applet.network.condition import Condition
from rescue_common.lan_notation import Direction, Loss, RandomLoss


def affect(fault: Loss | RandomLoss, condition: Condition) -> Condition:
    """Return the condition with this fault added."""
    if isinstance(fault, RandomLoss):
        return replace(condition, loss=fault.percent / 100)
    return replace(condition, up=False) if fault.direction is Direction.UP else replace(condition, down=False)
