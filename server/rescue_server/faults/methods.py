"""Which methods of the contract a fault rule can affect."""

from __future__ import annotations

from rescue_protos.v1 import (
    access_pb2,
    admin_pb2,
    applet_pb2,
    clock_pb2,
    console_pb2,
    exercise_pb2,
    journal_pb2,
    post_pb2,
)

# Who moves the clock must reach it: a call that waits for the clock could wait for itself.
_SPARED = ("AdvanceClock", "SetClockSpeed", "PauseClock")


def methods() -> dict[str, bool]:
    """Return them by name, and whether each is a stream."""
    return {
        method.name: method.server_streaming
        for module in (
            access_pb2,
            admin_pb2,
            applet_pb2,
            console_pb2,
            clock_pb2,
            exercise_pb2,
            journal_pb2,
            post_pb2,
        )
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
        if method.name not in _SPARED
    }
