"""Addresses of servers."""

from __future__ import annotations

import pytest

from rescue_common.hosts import BadAddress, is_loopback, parse_host_port


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
