"""TLS and mutual TLS with the programs as people run them, certificates that change meanwhile, and who is refused."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import ssl
import sys
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rescue_common.processes.child import Program
from rescue_common.state_directory import Access, TlsEnvironment, find_tls
from rescue_common.tls import BadTls, Tls
from rescue_server.rpc.tls import ServerTls
from rescue_server.startup.certificates import CannotMakeCertificates, make_certificates


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("RESCUE_"):
            monkeypatch.delenv(name)


@contextlib.asynccontextmanager
async def server(data: Path, *options: str, ready: str = "server") -> AsyncIterator[str]:
    """A server, and what its ready line says: its address, or the pages' ("web")."""
    program = await Program.start("server", "rescue_server", "--data", str(data), "--json", "--paused", *options)
    try:
        yield str((await program.event("ready", timeout=30))[ready])
        assert await program.stop() == 0
    finally:
        await program.kill()


async def run(*arguments: str, **environment: str) -> tuple[int, str, str]:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("RESCUE_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", *arguments, env=clean | environment, stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await asyncio.wait_for(process.communicate(), 60)
    return process.returncode or 0, out.decode(), err.decode()


def serial_of(address: str, tls: Path) -> int:
    """The serial number of the certificate that a new connection is shown, checked with the CA."""
    from cryptography import x509

    host, _, port = address.rpartition(":")
    ssl.create_default_context(cafile=str(tls / "ca.pem"))
    pem = ssl.get_server_certificate((host, int(port)), ca_certs=str(tls / "ca.pem"))
    return x509.load_pem_x509_certificate(pem.encode()).serial_number


async def test_a_call_over_mutual_tls_with_clients_that_find_all_they_need(tmp_path: Path) -> None:
    state, tls = tmp_path / "state", tmp_path / "state" / "tls"
    status, out, err = await run("rescue_server", "--data", str(state), "certificates")
    assert status == 0, err
    assert str(tls / "ca.pem") in out.splitlines()
    files = ("--tls-cert", str(tls / "server.pem"), "--tls-key", str(tls / "server.key"))
    async with server(state, *files, "--tls-client-ca", str(tls / "ca.pem")) as address:
        console = await Program.start("console", "rescue_console", "alice", "--json", "--data", str(state))
        try:
            await console.send("pin Customer")
            reply = await console.event(lambda line: "reply" in line, timeout=30)
            assert reply["ok"]
            arguments = ("--pin", str(reply["pin"]), "--terms", "accept", "--json", "--data", str(state))
            applet = await Program.start("applet", "rescue_applet", *arguments)
            try:
                await applet.event("joined", timeout=30)
                await console.event(lambda line: line.get("status") == "Waiting", timeout=30)
            finally:
                await applet.kill()
        finally:
            await console.kill()
        secret = {"RESCUE_SECRET": Access.read(state).secrets["admin"], "RESCUE_SERVER": address}
        elsewhere = {**secret, "RESCUE_DATA": str(tmp_path / "nothing here")}
        options = ("--tls-ca", str(tls / "ca.pem"), "--tls-cert", str(tls / "client.pem"))
        told, _, err = await run(
            "rescue_emulator", "clock", *options, "--tls-key", str(tls / "client.key"), **elsewhere
        )
        assert told == 0, err
        make_certificates(tmp_path / "strangers")
        stranger = {
            f"RESCUE_TLS_{name}": str(tmp_path / "strangers" / file)
            for name, file in (("CA", "ca.pem"), ("CERT", "client.pem"), ("KEY", "client.key"))
        }
        outsiders = (
            run("rescue_emulator", "clock", "--tls-ca", str(tls / "ca.pem"), **elsewhere),  # no certificate of its own
            run("rescue_emulator", "clock", **elsewhere),  # in the clear
            run("rescue_emulator", "clock", **elsewhere, **stranger),  # does not trust the server
            run("rescue_emulator", "clock", **{**elsewhere, **stranger, "RESCUE_TLS_CA": str(tls / "ca.pem")}),
        )
        for status, out, err in await asyncio.gather(*outsiders):
            assert (status, out) == (1, "")
            assert "does not answer" in err


async def test_a_renewed_certificate_holds_from_the_next_connection_on(tmp_path: Path) -> None:
    state, tls = tmp_path / "state", tmp_path / "tls"
    make_certificates(tls)
    async with server(state, "--tls-cert", str(tls / "server.pem"), "--tls-key", str(tls / "server.key")) as address:
        first = await asyncio.to_thread(serial_of, address, tls)
        assert await asyncio.to_thread(serial_of, address, tls) == first
        (tls / "server.key").write_text("no key at all")
        assert await asyncio.to_thread(serial_of, address, tls) == first  # what cannot be used changes nothing
        make_certificates(tls)
        assert await asyncio.to_thread(serial_of, address, tls) != first


def page(url: str, tls: Path, path: str = "", asked: dict[str, str] | None = None) -> tuple[int, str, str]:
    """Status, body and cookie of a page, asked for by somebody who trusts the CA."""
    trusting = ssl.create_default_context(cafile=str(tls / "ca.pem"))
    body = None if asked is None else json.dumps(asked).encode()
    headers = {"Origin": url.rstrip("/"), "Content-Type": "application/json"} if body else {}
    request = urllib.request.Request(url + path, data=body, headers=headers)
    with urllib.request.urlopen(request, context=trusting, timeout=30) as answer:
        return answer.status, answer.read().decode(), answer.headers.get("Set-Cookie", "")


async def test_pages_over_tls_reach_a_server_that_wants_certificates(tmp_path: Path) -> None:
    state, tls = tmp_path / "state", tmp_path / "tls"
    make_certificates(tls)
    files = ("--tls-cert", str(tls / "server.pem"), "--tls-key", str(tls / "server.key"))
    mutual = ("--tls-client-ca", str(tls / "ca.pem"))
    async with server(state, *files, *mutual, "--web", "127.0.0.1:0", ready="web") as url:
        assert url.startswith("https://")
        assert (await asyncio.to_thread(page, url, tls))[0] == 200
        asked = {"user": "alice", "secret": Access.read(state).secrets["alice"]}
        status, body, cookie = await asyncio.to_thread(page, url, tls, "sign-in", asked)
        assert (status, json.loads(body)) == (200, {"ok": True})
        assert "Secure" in cookie
        address = url.removeprefix("https://").rstrip("/")
        first = await asyncio.to_thread(serial_of, address, tls)
        (tls / "server.key").write_text("no key at all")
        assert await asyncio.to_thread(serial_of, address, tls) == first
        make_certificates(tls)
        assert await asyncio.to_thread(serial_of, address, tls) != first


async def test_files_that_do_not_fit_are_told_of_pages_and_calls_alike(tmp_path: Path) -> None:
    make_certificates(tmp_path / "tls")
    make_certificates(tmp_path / "other")
    files = ("--tls-cert", str(tmp_path / "tls" / "server.pem"), "--tls-key", str(tmp_path / "other" / "server.key"))
    outcomes = await asyncio.gather(
        run("rescue_server", "--data", str(tmp_path / "state"), *files),
        run("rescue_web", "--data", str(tmp_path / "state"), "--listen", "127.0.0.1:0", *files),
    )
    for status, out, err in outcomes:
        assert (status, out) == (1, "")
        assert "cannot be used together" in err
        assert "Traceback" not in err


@pytest.mark.parametrize("address", ["0.0.0.0:0", "[::]:0", "192.0.2.1:0", "example.org:1"])
async def test_without_tls_no_other_address_than_loopback(tmp_path: Path, address: str) -> None:
    status, out, err = await run("rescue_server", "--data", str(tmp_path), "--listen", address)
    assert (status, out) == (2, "")
    assert "--insecure" in err
    assert "--tls-cert" in err


async def test_insecure_is_taken_at_its_word(tmp_path: Path) -> None:
    async with server(tmp_path / "state", "--listen", "0.0.0.0:0", "--insecure") as address:
        assert address.startswith("0.0.0.0:")
        status, out, err = await run("rescue_emulator", "clock", "--json", "--data", str(tmp_path / "state"))
        assert status == 0, err
        assert json.loads(out)["paused"] is True


async def test_half_of_what_tls_needs_is_wrong_usage(tmp_path: Path) -> None:
    make_certificates(tmp_path / "tls")
    cert = str(tmp_path / "tls" / "server.pem")
    for options in (("--tls-cert", cert), ("--tls-client-ca", cert), ("--tls-cert", str(tmp_path / "none"))):
        status, out, _ = await run("rescue_server", "--data", str(tmp_path / "state"), *options)
        assert (status, out) == (2, "")


def test_certificates_keep_their_ca_and_are_private(tmp_path: Path) -> None:
    first = make_certificates(tmp_path / "tls")
    ca = (tmp_path / "tls" / "ca.pem").read_bytes()
    second = make_certificates(tmp_path / "tls", ["help.example.org", "192.0.2.7"])
    assert (tmp_path / "tls" / "ca.pem").read_bytes() == ca
    assert {path.name for path in first} - {path.name for path in second} == {"ca.pem", "ca.key"}
    for path in tmp_path.joinpath("tls").glob("*.key"):
        assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(CannotMakeCertificates):
        make_certificates(tmp_path / "tls", ["not a host \u2603" * 40])
    (tmp_path / "tls" / "ca.key").write_bytes((tmp_path / "tls" / "server.key").read_bytes())
    with pytest.raises(CannotMakeCertificates, match="do not belong together"):
        make_certificates(tmp_path / "tls")


def test_files_that_do_not_fit_are_found_at_the_start(tmp_path: Path) -> None:
    make_certificates(tmp_path / "tls")
    make_certificates(tmp_path / "other")
    cert, key = tmp_path / "tls" / "server.pem", tmp_path / "other" / "server.key"
    with pytest.raises(BadTls, match="cannot be used together"):
        ServerTls(cert=cert, key=key).credentials()
    with pytest.raises(BadTls):
        ServerTls(cert=cert, key=tmp_path / "tls" / "server.key", client_ca=tmp_path / "tls" / "ca.key").credentials()


def test_the_tls_files_of_a_client_follow_those_of_the_server(tmp_path: Path) -> None:
    tls = Tls(ca=tmp_path / "ca.pem", cert=tmp_path / "c.pem", key=tmp_path / "c.key")
    Access(server="127.0.0.1:1", tls=tls).write(tmp_path)
    assert Access.read(tmp_path).tls == tls
    environment = TlsEnvironment()
    environment.update(data=tmp_path)
    assert Tls.of_environment() == tls
    environment.update(data=tmp_path, behind_cable=True)
    assert Tls.of_environment() == Tls(ca=tls.ca, cert=tls.cert, key=tls.key, name="127.0.0.1")
    environment.update(server="127.0.0.1:2", data=tmp_path)  # another server than the one that wrote the file
    assert Tls.of_environment() is None
    Access(server="127.0.0.1:1", tls=Tls()).write(tmp_path)
    environment.update(data=tmp_path)
    assert Tls.of_environment() == Tls()
    Access(server="127.0.0.1:1").write(tmp_path)
    environment.update(data=tmp_path)
    assert Tls.of_environment() is None
    os.environ["RESCUE_TLS_CA"] = "/somewhere/ca.pem"
    try:
        Access(server="127.0.0.1:1", tls=tls).write(tmp_path)
        TlsEnvironment().update(data=tmp_path)
        assert Tls.of_environment() == Tls(ca=Path("/somewhere/ca.pem"))
        with pytest.raises(BadTls, match="cannot be read"):
            Tls.of_environment().read_files()  # type: ignore[union-attr]
    finally:
        del os.environ["RESCUE_TLS_CA"]


def test_a_client_finds_the_same_files_and_leaves_the_environment_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tls = Tls(ca=tmp_path / "ca.pem")
    Access(server="127.0.0.1:1", tls=tls).write(tmp_path)
    assert find_tls(data=tmp_path) == tls
    assert find_tls(server="127.0.0.1:2", data=tmp_path) is None
    assert Tls.of_environment() is None
    own = Tls(cert=tmp_path / "c.pem", key=tmp_path / "c.key")
    for name, value in own.variables().items():
        if name != "RESCUE_TLS_CA":
            monkeypatch.setenv(name, value)
    assert find_tls(data=tmp_path) == Tls(ca=tls.ca, cert=own.cert, key=own.key)


async def test_without_the_package_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(CannotMakeCertificates, match=r"rescue-emulator\[tls\]"):
        make_certificates(tmp_path / "tls")
