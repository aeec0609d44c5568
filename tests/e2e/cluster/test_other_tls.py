"""A server that talks otherwise than the one that leads: it says so and ends, and the others do not notice."""

from __future__ import annotations

from pathlib import Path

import pytest

from rescue_client.cluster import ClusterClient
from rescue_client.connection import Connection
from rescue_emulator.world.cluster_programs import ClusterPrograms
from rescue_server.startup.certificates import make_certificates

pytestmark = pytest.mark.timeout(120)


def certificates(directory: Path) -> list[str]:
    make_certificates(directory, ["127.0.0.1"])
    return ["--tls-cert", str(directory / "server.pem"), "--tls-key", str(directory / "server.key")]


@pytest.mark.parametrize(
    ("leader", "other", "said"),
    [
        ("ours", "", "talks with TLS: give this one --tls-cert and --tls-key, too"),
        ("", "ours", "talks without TLS: start this one without --tls-cert, too"),
        ("ours", "theirs", "is of another CA than this server's"),
    ],
)
async def test_a_server_that_cannot_talk_with_the_leader_deposes_nobody(
    tmp_path: Path, leader: str, other: str, said: str
) -> None:
    options = {"": [], **{ca: certificates(tmp_path / ca) for ca in ("ours", "theirs")}}
    async with ClusterPrograms(
        tmp_path / "cluster", servers=1, nodes=1, options=["--paused"], first=options[leader]
    ) as programs:
        await programs.start_server("s2", *options[other])
        assert await programs.programs["s2"].ended(60) == 1
        assert said in programs.programs["s2"].log_tail()
        async with Connection.find(user="admin", data=programs.data()) as connection:
            assert (await ClusterClient(connection).state()).epoch == 1
