"""A reserved port is nobody else's, and a server's that names it."""

from __future__ import annotations

import errno
import socket
import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from rescue_emulator.world.ports import reserve_port


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux holds a port so")
def test_a_reserved_port_lets_in_a_server_that_names_it_again_and_again_and_nobody_else() -> None:
    hold = reserve_port()
    assert hold is not None
    address = hold.getsockname()
    for _ in range(2):
        with socket.socket() as stranger, pytest.raises(OSError, match="in use") as refused:
            stranger.bind(address)
        assert refused.value.errno == errno.EADDRINUSE
        server = grpc.server(ThreadPoolExecutor(1), options=[("grpc.so_reuseport", 0)])
        assert server.add_insecure_port(f"127.0.0.1:{address[1]}") == address[1]
        server.start()
        server.stop(None).wait()
    hold.close()
    with socket.socket() as next_owner:
        next_owner.bind(address)
