"""One attempt over real sockets: what is sent, where it may go, and what every kind of answer comes to."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest

from rescue_server.posts import delivery
from rescue_server.posts.delivery import deliver
from rescue_server.posts.target import AttemptFailed, find_target
from tests.fakes.post_receiver import OK, SILENCE, PostReceiver, status


async def send(url: str, body: bytes = b"a=b") -> int:
    return await deliver(await find_target(url, anywhere=False), {"Content-Type": "text/plain"}, body)


async def test_a_post_is_one_request_with_a_length_and_the_user_as_basic() -> None:
    async with PostReceiver() as receiver:
        assert await send(receiver.url("/hook?key=1", user="reader:p%40ss", host="localhost"), b"a=%C3%A9") == 200
        [post] = receiver.posts
    assert post.line == "POST /hook?key=1 HTTP/1.1"
    assert post.body == b"a=%C3%A9"
    assert post.headers == {
        "host": f"localhost:{receiver.port}",
        "content-type": "text/plain",
        "content-length": "8",
        "connection": "close",
        "authorization": "Basic cmVhZGVyOnBAc3M=",
    }


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (OK, 200),
        (status(204), 204),
        (status(301), 301),
        (status(404), 404),
        (status(503), 503),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, 200),
        (b"HTTP/1.0 201 Created\r\n\r\nuntil the end", 201),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno chunk", 200),
    ],
)
async def test_the_status_of_the_answer_counts_and_nothing_else(answer: bytes, expected: int) -> None:
    async with PostReceiver(lambda post: answer) as receiver:
        assert await send(receiver.url()) == expected


@pytest.mark.parametrize(
    "answer", [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200", b"\x00" * 100_000, b"HTTP/1.1 999999 X\r\n\r\n"]
)
async def test_what_is_no_answer_fails_with_a_reason(answer: bytes) -> None:
    async with PostReceiver(lambda post: answer) as receiver:
        with pytest.raises(AttemptFailed, match="the answer is not HTTP"):
            await send(receiver.url())


async def test_a_receiver_that_says_nothing_is_left_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "ANSWER_WITHIN", 0.2)
    async with PostReceiver(lambda post: SILENCE) as receiver:
        with pytest.raises(AttemptFailed, match=r"no answer within 0\.2 seconds"):
            await send(receiver.url())


async def test_nobody_there_and_no_such_name_are_reasons() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with pytest.raises(AttemptFailed, match="refused"):
            await send(f"http://127.0.0.1:{free.getsockname()[1]}/")
    with pytest.raises(AttemptFailed, match=r"nowhere\.invalid has no address"):
        await send("http://nowhere.invalid/")


@pytest.mark.parametrize("host", ["192.0.2.1", "[2001:db8::1]", "0.0.0.0", "[::ffff:192.0.2.1]"])
async def test_another_machine_is_refused_before_anything_is_sent(host: str) -> None:
    with pytest.raises(AttemptFailed, match="--post-anywhere"):
        await find_target(f"http://{host}/", anywhere=False)
    assert (await find_target(f"http://{host}/", anywhere=True)).addresses == (host.strip("[]"),)


async def test_a_name_is_resolved_once_and_no_address_of_another_machine_is_used(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    async def getaddrinfo(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(0, 0, 0, "", (address, port)) for address in addresses]

    loop = asyncio.get_running_loop()
    original = loop.getaddrinfo
    async with PostReceiver() as receiver:
        addresses = ["127.0.0.1", "192.0.2.1"]
        monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
        with pytest.raises(AttemptFailed, match=r"evil\.example is not this machine"):
            await find_target(receiver.url(host="evil.example"), anywhere=False)
        addresses = ["::1", "127.0.0.1"]  # nobody listens at the first
        target = await find_target(receiver.url(host="good.example"), anywhere=False)
        monkeypatch.setattr(loop, "getaddrinfo", original)
        assert await deliver(target, {}, b"") == 200
        assert receiver.posts[0].headers["host"] == f"good.example:{receiver.port}"
    assert asked == ["evil.example", "good.example"]


async def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    async with PostReceiver() as proxy, PostReceiver() as receiver:
        for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url("/"))
        assert await send(receiver.url()) == 200
        assert proxy.posts == []
