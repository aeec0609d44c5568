"""What a server that cannot be one of several says at its start: one line, which says what to do, and exit status 1."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner
from nats.aio.client import Client
from nats.js.api import StreamConfig

from rescue_emulator.world.engine_nodes import NatsNodes, _Node
from rescue_server.cli.server import server
from rescue_server.cluster.proofs import make_key
from rescue_server.replicated import credentials, engines
from rescue_server.replicated.log import LogUnusable
from rescue_server.replicated.nats_log import NatsAccess, NatsLog
from tests.fakes.swallowing_proxy import swallowing_proxy


class NodeWithoutJetStream(NatsNodes):
    """A node that only passes messages on."""

    def _configuration(self, node: _Node, nodes: Mapping[str, _Node]) -> str:
        return f"server_name: {node.name}\nlisten: 127.0.0.1:{node.port}\n"


class NodeWithUser(NatsNodes):
    """A node that lets in one user."""

    def _configuration(self, node: _Node, nodes: Mapping[str, _Node]) -> str:
        return f"{super()._configuration(node, nodes)}authorization {{user: rescue, password: right}}\n"


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsNodes]:
    with NatsNodes(tmp_path_factory.mktemp("node"), 1) as running:
        yield running


@pytest.fixture(autouse=True)
def own_account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESCUE_DATA", str(tmp_path / "account"))


def refused(tmp_path: Path, *options: str) -> str:
    """Start a server that cannot join, and return what it says."""
    done = CliRunner().invoke(server, [*options, "--name", "s1", "--data", str(tmp_path / "data")])
    assert done.exit_code == 1, done.output
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.long
def test_no_engine(tmp_path: Path) -> None:
    said = refused(tmp_path, "--cluster", "nats://127.0.0.1:9")
    assert "none of nats://127.0.0.1:9 answers" in said
    assert "start it, or let `rescue cluster` start everything here" in said


def test_an_engine_without_its_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "find_spec", lambda name: None)
    assert "pip install 'rescue-emulator[cluster]'" in refused(tmp_path, "--cluster", "nats://127.0.0.1:9")


def test_an_engine_without_jetstream(tmp_path: Path) -> None:
    with NodeWithoutJetStream(tmp_path / "node", 1) as node:
        said = refused(tmp_path, "--cluster", node.url())
    assert "JetStream is off there: start nats-server with -js" in said


def test_fewer_nodes_than_the_address_names(tmp_path: Path, node: NatsNodes) -> None:
    port = node.addresses[0].rpartition(":")[2]
    said = refused(tmp_path, "--cluster", f"nats://127.0.0.1:{port},localhost:{port}/fewer")
    assert "the engine has fewer nodes than the 3 that its addresses promise: start them all" in said


def test_a_stream_with_other_settings(tmp_path: Path, node: NatsNodes) -> None:
    async def make() -> None:
        client = Client()
        await client.connect(f"nats://{node.addresses[0]}")
        await client.jetstream().add_stream(StreamConfig(name="RESCUE_other", subjects=["others"], max_msgs=5))
        await client.close()

    asyncio.run(make())
    said = refused(tmp_path, "--cluster", node.url("other"))
    assert "the stream RESCUE_other is there with other settings (subjects, " in said
    assert "take another cluster name, or remove that stream" in said


@pytest.mark.parametrize(
    ("options", "remedy"),
    [
        (["--cluster", "nats://rescue:secret@127.0.0.1"], "give --cluster-credentials FILE"),
        (["--cluster", "nats://127.0.0.1", "--listen", "0.0.0.0:0", "--insecure"], "with --advertise HOST:PORT"),
        (["--cluster", "nats://192.0.2.1"], "give --cluster-ca FILE for TLS with it, or --insecure"),
        (["--cluster", "nats://192.0.2.1", "--insecure"], "`rescue cluster key FILE` makes one"),
        (["--cluster", "nats://127.0.0.1", "--advertise", "192.0.2.1:50051"], "`rescue cluster key FILE` makes one"),
    ],
    ids=["credentials shown", "no address for others", "engine without TLS", "engine beyond, no key", "beyond, no key"],
)
def test_options_that_are_not_safe(tmp_path: Path, options: list[str], remedy: str) -> None:
    said = refused(tmp_path, *options)
    assert remedy in said
    assert "secret" not in said


@pytest.mark.parametrize(
    "options",
    [["--listen", "0.0.0.0:0", "--advertise", "192.0.2.1:50051"], ["--advertise", "192.0.2.1:50051"]],
    ids=["listening beyond", "reached from beyond"],
)
def test_servers_and_clients_beyond_this_machine_without_tls(tmp_path: Path, options: list[str]) -> None:
    make_key(tmp_path / "key")
    said = refused(tmp_path, "--cluster", "nats://127.0.0.1:9", "--cluster-key", str(tmp_path / "key"), *options)
    assert "give --tls-cert and --tls-key (`rescue server certificates` makes them), or --insecure" in said


def test_nothing_said_of_how_to_be_reached(tmp_path: Path) -> None:
    assert "with --advertise HOST:PORT" in refused(tmp_path, "--cluster", "nats://127.0.0.1:9", "--listen", "0.0.0.0:0")


def test_a_log_of_another_program(tmp_path: Path, node: NatsNodes) -> None:
    with contextlib.closing(NatsLog.open(NatsAccess(addresses=tuple(node.addresses)), "stranger")) as log:
        log.append(0, b"no record of ours", "id")
    said = refused(tmp_path, "--cluster", node.url("stranger"))
    assert "record 1 of the log means nothing to this program: another program wrote it" in said


def test_an_engine_that_cannot_sync_each_write_is_warned_of(node: NatsNodes, caplog: pytest.LogCaptureFixture) -> None:
    def make_older(answer: bytes) -> bytes:
        return re.sub(rb'"version":"2\.[0-9]+\.', b'"version":"2.9.', answer)

    with swallowing_proxy(node.addresses[0]) as proxy:
        NatsLog.open(NatsAccess(addresses=(proxy.address,)), "older").close()
        assert not caplog.messages
        proxy.alter_answer = make_older
        NatsLog.open(NatsAccess(addresses=(proxy.address,)), "older").close()
    (warning,) = caplog.messages
    assert "this nats-server (2.9) is older than 2.10 and has no `sync_interval: always`" in warning


@pytest.mark.parametrize("engine", ["nats", "etcd"])
@pytest.mark.parametrize(
    ("content", "says"),
    [(b"only-a-user\n", "a user and a password"), (b"\xff\xfe\n\n", "this is not UTF-8 text")],
    ids=["one line", "no text"],
)
def test_a_file_that_has_no_credentials(tmp_path: Path, engine: str, content: bytes, says: str) -> None:
    file = tmp_path / "credentials"
    file.write_bytes(content)
    said = refused(tmp_path, "--cluster", f"{engine}://127.0.0.1:9", "--cluster-credentials", str(file))
    assert str(file) in said
    assert says in said


def test_an_engine_that_lets_in_whom_it_knows(tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text("rescue\nright\n")
    with NodeWithUser(tmp_path / "node", 1) as node:
        access = NatsAccess(addresses=tuple(node.addresses), credentials=file)
        with contextlib.closing(NatsLog.open(access, "known")) as log:
            assert log.append(0, b"a record", "id") == 1
        file.write_text("rescue\nwrong\n")
        with pytest.raises(LogUnusable, match="give --cluster-credentials FILE"):
            NatsLog.open(access, "known", within=1.0)


def test_credentials_that_need_another_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "find_spec", lambda name: None)
    file = tmp_path / "rescue.creds"
    file.write_text("-----BEGIN NATS USER JWT-----\n")
    said = refused(tmp_path, "--cluster", "nats://127.0.0.1:9", "--cluster-credentials", str(file))
    assert "pip install 'nats-py[nkeys]'" in said


@pytest.mark.parametrize("text", ["", "short"])
def test_a_file_that_is_no_key(tmp_path: Path, text: str) -> None:
    key = tmp_path / "key"
    key.write_text(text)
    key.chmod(0o600)
    assert str(key) in refused(tmp_path, "--cluster", "nats://127.0.0.1:9", "--cluster-key", str(key))
