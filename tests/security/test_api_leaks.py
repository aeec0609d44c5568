"""Clients sign in to the public API in every way; then all that was written is searched for their secrets."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import re
import urllib.request
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import pytest

from rescue_common.state_directory import Access
from rescue_emulator.world.world import World
from tests.e2e.public_api.test_transport import children

MAY_HOLD_SECRETS = {"access.json", "server.key", "ca.key", "server.pem"}
OPTIONS = ("--log", "json", "--log-level", "debug", "--metrics", "127.0.0.1:0", "--api-proxy", "127.0.0.1:0")
ENVELOPE = '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body></s:Envelope>'


class Client:
    """Calls by a connection of its own each time."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)

    def ask(self, method: str, path: str, body: str = "", **headers: str) -> tuple[str, str]:
        """Return the cookie and the body."""
        connection = http.client.HTTPConnection(self._target.hostname or "", self._target.port, timeout=20)
        with contextlib.closing(connection):
            connection.request(method, f"{self._target.path}/{path}", body, headers)
            answer = connection.getresponse()
            return answer.getheader("Set-Cookie") or "", answer.read().decode()


def sign_in_everywhere(url: str, password: str) -> set[str]:
    """Use passwords, codes and cookies, right and wrong; return all of them."""
    client, wrong = Client(url), "a-wrong-password-of-somebody"
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    for secret in (password, wrong):
        given = urlencode({"email": "admin@rescue.test", "pwd": secret})
        client.ask("GET", f"login.aspx?{given}")
        client.ask("POST", "login.aspx", given, **form)
        client.ask("GET", f"none.aspx?{given}")
        client.ask("POST", f"login.aspx?{given}", "x" * 1_100_000, **form)
        login = f"<login><sEmail>admin</sEmail><sPassword>{secret}</sPassword></login>"
        for body in (ENVELOPE.format(login), login, ENVELOPE.format(login)[:-20]):
            client.ask("POST", "API.asmx", body, **{"Content-Type": "text/xml"})
    cookie, _ = client.ask("GET", f"login.aspx?{urlencode({'email': 'admin', 'pwd': password})}")
    value = cookie.partition(";")[0].partition("=")[2]
    _, answer = client.ask("GET", f"requestAuthCode.aspx?{urlencode({'email': 'admin', 'pwd': password})}")
    code = answer.partition("AUTHCODE:")[2]
    assert len(value) == 24
    assert len(code) == 128
    used = {password, wrong, value, code, code[:-1] + "0", value[:-1] + "0"}
    for secret in used:
        client.ask("GET", f"getAccount.aspx?authcode={quote(secret)}")
        client.ask("GET", "getAccount.aspx", Cookie=f"ASP.NET_SessionId={secret}")
        client.ask("GET", f"getSession_v3.aspx?node=1&authcode={quote(secret)}")
        client.ask("GET", f"closeSession.aspx?session=1001&authcode={quote(secret)}")
    return used


def command_line(pid: int) -> str:
    """What `ps` shows."""
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode()


@pytest.mark.timeout(90)
async def test_no_password_code_or_cookie_is_anywhere_it_does_not_belong(tmp_path: Path) -> None:
    async with World(data=tmp_path / "state", api=True, options=OPTIONS) as world:
        user = await world.api.user("admin")
        secrets = await asyncio.to_thread(sign_in_everywhere, world.api.url, user.password)
        secrets |= set(Access.read(world.data).secrets.values())
        metrics = next(event["metrics"] for event in world.server.events if event.get("event") == "ready")
        scraped = await asyncio.to_thread(lambda: urllib.request.urlopen(f"http://{metrics}/metrics").read().decode())
        written = [scraped, *world.server._log, *map(str, world.server.events)]
        pids = [world.server.pid, *children(world.server.pid)]
        assert len(pids) > 1
        written += map(command_line, pids)
        await world.kill_server()
        files = [path for path in world.data.rglob("*") if path.is_file() and path.name not in MAY_HOLD_SECRETS]
        assert {"store.sqlite3", "api.json"} <= {path.name for path in files}
        for secret in secrets:
            assert not [text for text in written if secret in text]
            assert not [path for path in files if secret.encode() in path.read_bytes()]
        assert not [text for text in written if re.search("Traceback", text)]
