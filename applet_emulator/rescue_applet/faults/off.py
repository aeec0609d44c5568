"""The cable is pulled: nothing is carried either way."""

from __future__ import annotations

from dataclasses import replace

from rescue_applet.network.condition import Condition


def affect(condition: Condition) -> Condition:
    """Return the condition with this fault added."""
    return replace(condition, up=False, down=False)
