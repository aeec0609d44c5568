"""Who gets in, what a foreign page cannot do, and what every page says about itself; over HTTP, without a browser."""

from __future__ import annotations

import asyncio
import http.client
import json
import signal
import ssl
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from rescue_common.processes.child import Program
from rescue_common.state_directory import Access
from rescue_server.runtime.allowance import WRONG_SECRETS
from rescue_server.startup.certificates import make_certificates
from tests.e2e.web.browser import Site


class Visitor:
    """A browser without a page: keeps its cookie, knows its proof once signed in."""

    def __init__(self, url: str, *, ca: Path | None = None, source: str = "") -> None:
        self._at = urlsplit(url)
        self._source = (source, 0) if source else None
        self._ca = ca
        self.cookie = ""
        self.headers: dict[str, str] = {}
        self.proof = ""

    async def ask(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        return await asyncio.to_thread(self._ask, method, path, body, headers)

    async def sign_in(self, user: str, secret: str) -> int:
        status, _ = await self.ask("POST", "/sign-in", {"user": user, "secret": secret})
        if status == 200:
            self.cookie = self.headers["set-cookie"].partition(";")[0]
            self.proof = (await self.ask("GET", "/me"))[1]["proof"]
        return status

    def _connection(self) -> http.client.HTTPConnection:
        where, port = str(self._at.hostname), self._at.port
        if self._ca is None:
            return http.client.HTTPConnection(where, port, timeout=30, source_address=self._source)
        trusting = ssl.create_default_context(cafile=self._ca)
        return http.client.HTTPSConnection(where, port, timeout=30, context=trusting)

    def _ask(self, method: str, path: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
        connection = self._connection()
        sent = {"Cookie": self.cookie} | ({"Content-Type": "application/json"} if body is not None else {})
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body=None if body is None else json.dumps(body), headers=sent)
        answer = connection.getresponse()
        self.headers = {name.lower(): value for name, value in answer.getheaders()}
        text = answer.read().decode()
        connection.close()
        return answer.status, json.loads(text) if "json" in self.headers.get("content-type", "") else text


async def test_only_the_right_secret_opens_and_the_cookie_is_for_this_site_alone(site: Site) -> None:
    visitor = Visitor(site.url)
    assert (await visitor.ask("GET", "/me"))[0] == 401
    assert await visitor.sign_in("alice", "wrong") == 401
    assert "set-cookie" not in visitor.headers
    assert await visitor.sign_in("nobody", "wrong") == 401
    assert await visitor.sign_in("alice", site.secrets["alice"]) == 200
    status, page = await visitor.ask("GET", "/")
    assert (status, "Technician Console" in page) == (200, True)

    another = Visitor(site.url)
    await another.ask("POST", "/sign-in", {"user": "alice", "secret": site.secrets["alice"]})
    flags = {flag.strip().lower() for flag in another.headers["set-cookie"].split(";")[1:]}
    assert {"httponly", "samesite=strict", "path=/"} <= flags


async def test_wrong_secrets_of_one_visitor_are_not_those_of_another(site: Site) -> None:
    guesser, other = Visitor(site.url, source="127.0.0.2"), Visitor(site.url, source="127.0.0.3")
    answers = [await guesser.sign_in("alice", "wrong") for _ in range(WRONG_SECRETS.at_once + 2)]
    assert (answers[0], answers[-1]) == (401, 429)
    assert await other.sign_in("alice", "wrong") == 401
    assert await other.sign_in("alice", site.secrets["alice"]) == 200


async def test_a_foreign_page_can_change_nothing(site: Site) -> None:
    visitor = Visitor(site.url)
    await visitor.sign_in("alice", site.secrets["alice"])
    line = {"line": "pin Eve"}
    # With the cookie, but without what only our own pages can know or send.
    assert (await visitor.ask("POST", "/line", line))[0] == 403
    assert (await visitor.ask("POST", "/line", line, X_Rescue_Proof="guessed"))[0] == 403
    good = {"X_Rescue_Proof": visitor.proof}
    assert (await visitor.ask("POST", "/line", line, Origin="http://elsewhere.example", **good))[0] == 403
    assert (await visitor.ask("POST", "/line", line, Content_Type="text/plain", **good))[0] == 415
    assert (await visitor.ask("POST", "/sign-in", line, Origin="null"))[0] == 403
    for name in ("elsewhere.example", "127.0.0.1.elsewhere.example", "", "["):
        assert (await visitor.ask("GET", "/me", Host=name))[0] == 400, name
    for name in ("localhost", "LOCALHOST:8080", "192.0.2.7:8080", "[::1]:8080"):  # an address cannot be turned to us
        assert (await visitor.ask("GET", "/me", Host=name))[0] == 200, name
    alice = await site.world.technician("alice")
    assert alice.sessions == []
    status, answer = await visitor.ask("POST", "/line", line, Origin=site.url.rstrip("/"), **good)
    assert (status, answer["ok"]) == (200, True)


async def test_a_technician_cannot_do_what_an_administrator_does_nor_the_other_way_round(site: Site) -> None:
    alice, admin = Visitor(site.url), Visitor(site.url)
    await alice.sign_in("alice", site.secrets["alice"])
    await admin.sign_in("admin", site.secrets["admin"])
    alices, admins = {"X_Rescue_Proof": alice.proof}, {"X_Rescue_Proof": admin.proof}
    assert (await alice.ask("POST", "/clock", {"what": "pause"}, **alices))[0] == 403
    assert (await alice.ask("POST", "/computers", {"channel": "Web"}, **alices))[0] == 403
    assert (await alice.ask("POST", "/computers/1", {"switch": "unplug"}, **alices))[0] == 403
    assert (await alice.ask("POST", "/reset", {}, **alices))[0] == 403
    assert (await admin.ask("POST", "/line", {"line": "pin"}, **admins))[0] == 403
    assert (await admin.ask("POST", "/clock", {"what": "speed", "value": "nan"}, **admins))[0] == 409
    assert (await admin.ask("POST", "/clock", {"what": "advance", "value": "-1m"}, **admins))[0] == 409
    # A session of somebody else's is nothing that one can look into.
    bob = await site.world.technician("bob")
    session, _ = await bob.pin("Ms Vos")
    assert (await alice.ask("GET", f"/history/{session}"))[0] == 409
    assert len((await admin.ask("GET", f"/history/{session}"))[1]["changes"]) == 1
    for lang, said in (("en", "there is no session"), ("nl", "er is geen sessie")):
        refused = (await alice.ask("POST", f"/line?lang={lang}", {"line": f"start {session}"}, **alices))[1]
        assert (refused["reason"], refused["message"].startswith(f"{said} ")) == ("UNKNOWN_SESSION", True)


async def test_signing_out_ends_the_visit_and_the_console(site: Site) -> None:
    visitor = Visitor(site.url)
    await visitor.sign_in("alice", site.secrets["alice"])
    assert (await visitor.ask("POST", "/sign-out", {}, X_Rescue_Proof=visitor.proof))[0] == 200
    assert (await visitor.ask("GET", "/me"))[0] == 401


async def test_a_technician_who_was_removed_is_signed_out(site: Site) -> None:
    visitor = Visitor(site.url)
    await visitor.sign_in("carol", site.secrets["carol"])
    await site.world.admin.remove_technician("carol")
    good = {"X_Rescue_Proof": visitor.proof}
    status, answer = await visitor.ask("GET", "/directory")
    assert status == 401, answer
    # Not only this call: a page that asked again for ever would be shut out as one who guesses secrets.
    assert (await visitor.ask("GET", "/me"))[0] == 401
    assert (await visitor.ask("POST", "/focus", {"page": "p", "on": True}, **good))[0] == 401
    assert "Sign in" in (await visitor.ask("GET", "/"))[1]


async def test_a_page_of_one_user_never_hears_what_another_may_see(site: Site) -> None:
    visitor = Visitor(site.url)
    await visitor.sign_in("alice", site.secrets["alice"])
    assert (await visitor.ask("GET", "/events?page=p&user=bob"))[0] == 401  # the tab of another user


async def test_every_answer_keeps_to_itself_and_only_pages_are_served(site: Site) -> None:
    visitor = Visitor(site.url)
    for path in ("/", "/page/console.js", "/page/style.css", "/texts?lang=nl", "/page/nothing.js"):
        _, body = await visitor.ask("GET", path)
        policy = dict(part.strip().split(" ", 1) for part in visitor.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == "'none'"
        assert visitor.headers["x-content-type-options"] == "nosniff"
        assert "http://" not in str(body).replace("http://www.w3.org/", "")  # nothing comes from elsewhere
        assert "https://" not in str(body)
    for path in ("/page/../app.py", "/page/..%2fapp.py", "/page/%2e%2e/app.py", "/page/__init__.py"):
        assert (await visitor.ask("GET", path))[0] in (303, 404)
    # A body that is too long or no object.
    assert (await visitor.ask("POST", "/sign-in", {"user": "x" * 70_000, "secret": "y"}))[0] == 413
    assert (await visitor.ask("POST", "/sign-in", ["alice"]))[0] == 400
    assert (await visitor.ask("POST", "/sign-in", {"user": 1, "secret": None}))[0] == 400


async def test_the_server_brings_its_pages_along_and_takes_them_with_it(tmp_path: Any) -> None:
    server = await Program.start(
        "server", "rescue_server", "--data", str(tmp_path / "data"), "--web", "127.0.0.1:0", "--json"
    )
    try:
        ready = await server.event("ready", 60)
        visitor = Visitor(str(ready["web"]))
        assert (await visitor.ask("GET", "/"))[0] == 200
        assert await server.stop(15) in (0, -signal.SIGTERM)
        with pytest.raises(OSError, match="refused"):
            await visitor.ask("GET", "/")
    finally:
        await server.stop()


async def test_what_is_wrong_is_said_in_the_language_of_the_page(site: Site) -> None:
    alice, admin = Visitor(site.url), Visitor(site.url)
    assert await alice.sign_in("alice", site.secrets["alice"]) == 200
    assert await admin.sign_in("admin", site.secrets["admin"]) == 200

    async def message(visitor: Visitor, path: str, **body: str) -> str:
        return str((await visitor.ask("POST", f"{path}?lang=nl", body, x_rescue_proof=visitor.proof))[1]["message"])

    assert await message(alice, "/line", line="start") == "de sessie ontbreekt"
    assert await message(alice, "/line", line=f"pin {'x' * 300}") == "naam van de klant: hoogstens 128 tekens, niet 300"
    assert "is geen duur" in await message(admin, "/clock", what="advance", value="soon")
    assert "een getal boven 0" in await message(admin, "/clock", what="speed", value="nan")
    assert await message(admin, "/clock", what="advance", value="9999h") == "duur: meer dan 0 en hoogstens 366 dagen"
    assert await message(admin, "/line", line="queue") == "een beheerder heeft geen wachtrij"
    assert await message(Visitor(site.url), "/line", line="queue") == "meld u eerst aan"


async def test_a_server_answers_to_the_names_that_it_is_given(tmp_path: Path) -> None:
    where = ("--data", str(tmp_path / "data"), "--web", "127.0.0.1:0", "--web-host", "help.example.org", "--json")
    server = await Program.start("server", "rescue_server", *where)
    try:
        visitor = Visitor(str((await server.event("ready", 60))["web"]))
        assert (await visitor.ask("GET", "/", Host="help.example.org:8080"))[0] == 200
        status, advice = await visitor.ask("GET", "/", Host="evil.example.org")
        assert status == 400
        assert "rescue server --web HOST:PORT --web-host NAME" in str(advice)
    finally:
        await server.stop()


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)])
async def test_a_signal_ends_the_console_without_a_word_while_pages_are_open(
    site: Site, number: signal.Signals, status: int
) -> None:
    web = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "rescue_web", "--data", str(site.world.data), "--json"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert web.stdout is not None
    url = json.loads(await web.stdout.readline())["web"]
    streams = []
    for user in ("alice", "admin"):
        visitor = Visitor(url)
        assert await visitor.sign_in(user, site.secrets[user]) == 200
        reader, writer = await asyncio.open_connection("127.0.0.1", int(urlsplit(url).port or 0))
        writer.write(f"GET /events?page=p HTTP/1.1\r\nHost: localhost\r\nCookie: {visitor.cookie}\r\n\r\n".encode())
        await reader.readuntil(b"event: snapshot")
        streams.append((reader, writer))
    reader, writer = await asyncio.open_connection("127.0.0.1", int(urlsplit(url).port or 0))
    streams.append((reader, writer))
    writer.write(
        b"POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n"
    )
    writer.write(b"Expect: 100-continue\r\n\r\n")
    await reader.readuntil(b"100 Continue")  # it waits for the rest of a request that does not come
    web.send_signal(number)
    out, err = await asyncio.wait_for(web.communicate(), 30)
    assert (web.returncode, out, err) == (status, b"", b"")
    for _, writer in streams:
        writer.close()


async def test_with_a_certificate_pages_and_cookie_are_as_safe_as_calls(tmp_path: Path) -> None:
    tls, data = tmp_path / "tls", tmp_path / "data"
    make_certificates(tls, hosts=["help.example.org"])
    server = await Program.start(
        *("server", "rescue_server", "--data", str(data), "--web", "127.0.0.1:0", "--json"),
        *("--tls-cert", str(tls / "server.pem"), "--tls-key", str(tls / "server.key")),
    )
    try:
        url = str((await server.event("ready", 60))["web"])
        assert url.startswith("https://")
        visitor = Visitor(url, ca=tls / "ca.pem")
        assert (await visitor.ask("GET", "/", Host="help.example.org"))[0] == 200  # that the certificate fits is enough
        asked = {"user": "alice", "secret": Access.read(data).secrets["alice"]}
        assert (await visitor.ask("POST", "/sign-in", asked))[0] == 200
        flags = {flag.strip().lower() for flag in visitor.headers["set-cookie"].split(";")[1:]}
        assert {"secure", "httponly", "samesite=strict"} <= flags
        assert await visitor.sign_in("alice", asked["secret"]) == 200
        status, directory = await visitor.ask("GET", "/directory")  # the companion trusts the server, too
        assert (status, "bob" in str(directory)) == (200, True)
    finally:
        await server.stop()


async def test_pages_are_not_served_beyond_this_machine_by_accident() -> None:
    program = await Program.start("web", "rescue_web", "--listen", "0.0.0.0:0", "--json")
    assert await program.ended(30) == 2
    assert "--insecure" in program.log_tail()


async def test_two_consoles_of_one_host_have_cookies_of_their_own(site: Site) -> None:
    """A browser keeps one set of cookies for all ports of a host: another console must not replace ours."""
    other = await Program.start(
        "web", "rescue_web", "--data", str(site.world.data), "--listen", "127.0.0.1:0", "--json"
    )
    try:
        here, there = Visitor(site.url), Visitor(str((await other.event("ready", 60))["web"]))
        for visitor in (here, there):
            assert await visitor.sign_in("alice", site.secrets["alice"]) == 200
        assert here.cookie.partition("=")[0] != there.cookie.partition("=")[0]
        here.cookie = there.cookie = f"{here.cookie}; {there.cookie}"  # what the browser sends to both
        for visitor in (here, there):
            assert (await visitor.ask("GET", "/me"))[0] == 200
    finally:
        await other.stop()
