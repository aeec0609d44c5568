"""A port that is a world's own from its first server to its last, also while none of them listens on it."""

from __future__ import annotations

import socket
import sys


def reserve_port() -> socket.socket | None:
    """Take a free port of 127.0.0.1; it is kept until the socket that is returned is closed.

    Linux gives such a port to nobody who asks for any free one, but lets a server in that names it, as long as this
    socket does not listen itself. Elsewhere there is no such hold: None, and the server finds its port alone.
    """
    if sys.platform != "linux":
        return None
    hold = socket.socket()
    try:
        hold.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        hold.bind(("127.0.0.1", 0))
    except OSError:
        hold.close()
        raise
    return hold
