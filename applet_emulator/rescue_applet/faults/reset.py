"""The connections of this moment are reset at both ends, as by a firewall. New connections work."""

from __future__ import annotations

from rescue_applet.network.cable import Cable


def apply(cable: Cable) -> None:
    """Reset the present connections."""
    cable.reset()
