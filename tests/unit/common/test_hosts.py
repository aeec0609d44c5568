"""Addresses of servers."""

from __future__ import annotations

import socket

import pytest

from rescue_common.hosts import BadAddress, bind_socket, is_loopback, parse_host_port


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("127.0.0.1:0", "127.0.0.1", 0), ("[::1]:65535", "[::1]", 65_535), ("example.org:443", "example.org", 443)],
)
def test_a_host_and_a_port_are_read(text: str, host: str, port: int) -> None:
    assert parse_host_port(text) == (host, port)


@pytest.mark.parametrize("text", ["", "localhost", ":1", "localhost:", "localhost:65536", "localhost:x", "localhost:²"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(BadAddress):
        parse_host_port(text)


def test_only_this_machine_reaches_a_loopback_address() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.1.2.3", "::1", "[::1]", "localhost")))
    assert not any(map(is_loopback, ("0.0.0.0", "[::]", "192.0.2.1", "example.org", "")))


def test_a_bound_socket_is_known_as_tcp() -> None:
    """Else asyncio leaves Nagle's algorithm on, and each answer of two pieces waits 40 ms for the client's ACK."""
    with bind_socket("127.0.0.1", 0) as bound:
        bound.listen(1)
        with socket.create_connection(bound.getsockname()):
            accepted, _ = bound.accept()
            with accepted:
                assert accepted.proto == socket.IPPROTO_TCP
