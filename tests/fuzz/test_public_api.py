"""Whatever is sent to the public API is answered with a word, a page or a fault, and never with a traceback."""

from __future__ import annotations

import contextlib
import http.client
import socket
from collections.abc import Iterator
from urllib.parse import quote, urlencode, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rescue_api.operations import OPERATIONS
from rescue_api.words import Word
from rescue_emulator.testing import SyncWorld

pytestmark = [pytest.mark.no_cover, pytest.mark.timeout(600)]
fuzzed = settings.get_profile("fuzz")
TEXT = [operation for operation in OPERATIONS if operation.in_text]
NAMES = sorted({one.name for operation in OPERATIONS for one in operation.parameters})
ELEMENTS = sorted({one.element for operation in OPERATIONS for one in operation.parameters if one.element})
WORDS = {word.text for word in Word} - {"ERROR"}
KNOWN: list[str] = []  # values that exist, so that what is drawn sometimes hits
values = st.sampled_from(["", "0", "-1", "1001", "100006", "3000001", "NODE", "CHANNEL", "TRUE", "9" * 40, "|", "\n"])
values |= st.text(max_size=30) | st.builds(lambda number: KNOWN[number % len(KNOWN)] if KNOWN else "", st.integers(0))


class Fuzzed:
    """A server with the API, and a plain client."""

    def __init__(self, world: SyncWorld) -> None:
        self.world = world
        self._target = urlsplit(world.api.url)

    def ask(self, method: str, path: str, body: bytes = b"", content_type: str = "") -> tuple[int, bytes]:
        connection = http.client.HTTPConnection(self._target.hostname or "", self._target.port, timeout=20)
        with contextlib.closing(connection):
            connection.request(method, path, body, {"Content-Type": content_type} if content_type else {})
            answer = connection.getresponse()
            return answer.status, answer.read()

    def send(self, raw: bytes) -> None:
        where = (self._target.hostname or "", self._target.port or 0)
        with socket.create_connection(where, timeout=20) as connection, contextlib.suppress(OSError):
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass


@pytest.fixture(scope="module")
def api() -> Iterator[Fuzzed]:
    with SyncWorld(api=True) as world:
        alice = world.technician("alice")
        session, pin = alice.pin("Ms Vos")
        world.computer(pin=pin)
        fuzzed = Fuzzed(world)
        for name in ("admin", "alice"):
            user = world.api.user(name)
            asked = urlencode({"email": user.email, "pwd": user.password})
            _, answer = fuzzed.ask("GET", f"/API/requestAuthCode.aspx?{asked}")
            KNOWN.append(answer.decode().partition("AUTHCODE:")[2])
        KNOWN.extend([session, *(str(world.api.node(name)) for name in ("alice", "bob", "channel:Web"))])
        yield fuzzed
        assert fuzzed.ask("GET", "/API/logout.aspx") == (200, b"OK")
        assert "Traceback" not in world.server.log_tail(1000)


@fuzzed
@given(
    method=st.sampled_from(["GET", "POST"]),
    operation=st.sampled_from(TEXT),
    who=st.integers(0, 1),
    given_values=st.dictionaries(st.sampled_from(NAMES), values, max_size=6),
    in_form=st.booleans(),
)
def test_a_text_method_answers_with_what_it_has_or_with_a_word(
    api: Fuzzed, method: str, operation: object, who: int, given_values: dict[str, str], in_form: bool
) -> None:
    assert hasattr(operation, "name")
    given_values.setdefault("authcode", KNOWN[who])
    sent = urlencode(given_values, errors="surrogatepass")
    path = f"/API/{operation.name}.aspx"
    if in_form and method == "POST":
        status, body = api.ask("POST", path, sent.encode(), "application/x-www-form-urlencoded")
    else:
        status, body = api.ask(method, f"{path}?{sent}")
    text = body.decode()
    assert status == 200
    # ERROR: of an unknown session, and of values without a word of their own, like a password that cannot be printed.
    without_word = ("getChat", "getNote", "setUser", "setGroup", "createGroup")
    own = {"ERROR"} if operation.name.startswith(without_word) else set()
    assert text.startswith("OK") or text in ("TRUE", "FALSE") or text in WORDS | own, text


@fuzzed
@given(path=st.text(max_size=40), query=st.text(max_size=60))
def test_a_path_leads_somewhere_or_nowhere(api: Fuzzed, path: str, query: str) -> None:
    asked = f"/API/{quote(path, errors='surrogatepass')}?{quote(query, safe='&=', errors='surrogatepass')}"
    status, _ = api.ask("GET", asked)
    assert status in (200, 404)


@fuzzed
@given(
    operation=st.sampled_from([one.soap for one in OPERATIONS if one.soap] + ["none", "a:b", ""]),
    given_values=st.dictionaries(
        st.sampled_from(ELEMENTS), values | st.just("<x><y/></x>") | st.just("&b;"), max_size=5
    ),
    prolog=st.sampled_from(
        ["", '<?xml version="1.0"?>', '<!DOCTYPE a [<!ENTITY b "c">]>', "\ufeff", "<!--", "<![CDATA["]
    ),
    content_type=st.sampled_from(["text/xml", "application/soap+xml; charset=utf-16", "text/xml; charset=none", ""]),
    depth=st.sampled_from([0, 1, 5_000]),
)
def test_an_envelope_gets_an_answer_or_a_fault(
    api: Fuzzed, operation: str, given_values: dict[str, str], prolog: str, content_type: str, depth: int
) -> None:
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in given_values.items())
    inner = f"<{operation}>{inner}{'<a>' * depth}{'</a>' * depth}</{operation}>"
    space = "http://schemas.xmlsoap.org/soap/envelope/"
    body = f'{prolog}<s:Envelope xmlns:s="{space}"><s:Body>{inner}</s:Body></s:Envelope>'
    status, answer = api.ask("POST", "/API/API.asmx", body.encode("utf-8", "surrogatepass"), content_type)
    assert status in (200, 500)
    assert (b"<soap:Fault>" in answer) is (status == 500)


@fuzzed
@given(
    raw=st.binary(max_size=300) | st.binary(max_size=200).map(lambda body: b"POST /API/API.asmx HTTP/1.1\r\n" + body)
)
def test_bytes_on_the_port_harm_nobody(api: Fuzzed, raw: bytes) -> None:
    api.send(raw)
