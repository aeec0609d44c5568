"""A port that stays reserved for a world, also while its server is stopped."""

from __future__ import annotations

import socket
import sys


def reserve_port() -> socket.socket | None:
    """Reserve a free port of 127.0.0.1 until the returned socket is closed.

    Linux does not give a bound port to a program that asks for any free port. It does let a server listen there, as
    long as this socket does not listen itself. Other systems have no such reservation: None, and the server chooses.
    """
    if sys.platform != "linux":
        return None
    reserved = socket.socket()
    try:
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
    except OSError:
        reserved.close()
        raise
    return reserved
