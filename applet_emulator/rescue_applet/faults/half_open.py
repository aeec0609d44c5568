"""The connections of this moment die without a close, as when a router on the way forgets them.

What either side goes on saying is lost; each may close its own end, and the other does not hear of it. New
connections work.
"""

from __future__ import annotations

from rescue_applet.network.cable import Cable


def apply(cable: Cable) -> None:
    """Do it, now."""
    cable.abandon()
