"""The connections of this moment die without a close, as when a router on the way forgets them.

Everything that either side sends is lost. Each side may close its own end; the other side gets no close. New
connections work.
"""

from __future__ import annotations

from rescue_applet.network.cable import Cable


def apply(cable: Cable) -> None:
    """Abandon the present connections."""
    cable.abandon()
