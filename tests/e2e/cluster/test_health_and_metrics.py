"""What a load balancer and Prometheus learn of the servers of a cluster."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from rescue_client.health import check_health, leads_cluster
from rescue_emulator.world.cluster_programs import ClusterPrograms
from tests.torture.machine import paused

pytestmark = pytest.mark.timeout(120)
SOON = timedelta(seconds=10)


@pytest.fixture
async def cluster(tmp_path: Path) -> AsyncIterator[ClusterPrograms]:
    async with ClusterPrograms(
        tmp_path, servers=2, nodes=1, options=["--paused", "--metrics", "127.0.0.1:0"]
    ) as programs:
        yield programs


async def sides(cluster: ClusterPrograms) -> tuple[str, str]:
    """Return the server that leads and the other one."""
    leader = await cluster.next_leader()
    (follower,) = set(cluster.names) - {leader}
    return leader, follower


async def scrape(cluster: ClusterPrograms, name: str) -> dict[str, float]:
    """Return what Prometheus reads of one server as one of several."""
    ready = next(event for event in cluster.programs[name].events if event["event"] == "ready")

    def read() -> str:
        with urllib.request.urlopen(f"http://{ready['metrics']}/metrics", timeout=20) as answer:
            return str(answer.read().decode())

    families = text_string_to_metric_families(await asyncio.to_thread(read))
    samples = [sample for family in families for sample in family.samples]
    prefix = "rescue_cluster_"
    return {one.name.removeprefix(prefix): one.value for one in samples if one.name.startswith(prefix)}


async def until_it_serves(address: str) -> None:
    """A server that follows is linked in a moment."""
    async with asyncio.timeout(20):
        while await check_health(address, timeout=SOON) != "SERVING":
            pass  # asking is slow enough


async def test_every_linked_server_serves_and_one_of_them_leads(cluster: ClusterPrograms) -> None:
    leader, follower = await sides(cluster)
    for name in (leader, follower):
        address = cluster.address_of(name)
        await until_it_serves(address)
        assert await leads_cluster(address, timeout=SOON) is (name == leader)
        command = [sys.executable, "-m", "rescue_emulator", "health", "--server", address, "--json"]
        said = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60)
        assert json.loads(said.stdout) == {"server": address, "status": "SERVING", "leads": name == leader}

    await cluster.kill_server(leader)
    assert await cluster.next_leader(than=leader) == follower
    assert await leads_cluster(cluster.address_of(follower), timeout=SOON) is True


async def test_prometheus_reads_who_leads_and_how_often_that_changed(cluster: ClusterPrograms) -> None:
    leader, follower = await sides(cluster)
    await until_it_serves(cluster.address_of(follower))
    first = await scrape(cluster, leader)
    assert (first["leads"], first["servers"], first["lag_records"]) == (1, 2, 0)
    assert (first["failovers_total"], first["depositions_total"], first["in_doubt_total"]) == (1, 0, 0)
    other = await scrape(cluster, follower)
    assert (other["leads"], other["servers"], other["epoch"]) == (0, 2, first["epoch"])
    assert other["position"] + other["lag_records"] <= first["position"] + 1

    await cluster.kill_server(leader)
    await cluster.next_leader(than=leader)
    after = await scrape(cluster, follower)
    assert (after["leads"], after["servers"], after["failovers_total"]) == (1, 1, 1)
    assert after["epoch"] == first["epoch"] + 1


@pytest.mark.long
async def test_a_leader_that_was_replaced_is_measured_where_it_was(cluster: ClusterPrograms) -> None:
    leader, follower = await sides(cluster)
    program = cluster.programs[leader]
    with paused(program.pid):
        assert await cluster.next_leader(than=leader) == follower
    await program.until(
        lambda: next((event for event in program.events if event.get("event") == "follows"), None),
        timeout=30,
        what="that it follows",
    )
    measured = await scrape(cluster, leader)
    assert (measured["leads"], measured["failovers_total"], measured["depositions_total"]) == (0, 1, 1)
