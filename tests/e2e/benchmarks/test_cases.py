"""The benchmark runs: each kind of case drives both servers, and nothing of the load fails."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import pytest

from benchmarks import cases, clusters, edges, etcd, growth, public_api
from benchmarks.__main__ import CASES, Case
from benchmarks.classroom import lesson
from benchmarks.takeover import takeover

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="the load generator needs a compiler"
    ),
]
SMALL: dict[str, Case] = {
    "heartbeats": lambda kind: cases.heartbeats(kind, applets=20, rate=100),
    "commands": lambda kind: cases.commands(kind, callers=2),
    "streamed commands": lambda kind: cases.streamed_commands(kind, streams=2, window=3),
    "beside a bare stream": lambda kind: cases.beside_bare_streams(kind, streams=1, window=5),
    "chat": lambda kind: cases.chat(kind, consoles=5, rate=20),
    "api": lambda kind: public_api.get_session(kind, sessions=5),
    "channel": lambda kind: cases.through_channel(kind, technicians=100, rate=5),
}


@pytest.mark.parametrize("kind", ["bare", "ours"])
@pytest.mark.parametrize("case", SMALL)
def test_a_case_gives_figures_of_both_servers(case: str, kind: str) -> None:
    figures = SMALL[case](kind)
    assert all(value != 0 for name, value in figures.items() if name != "KB an applet")


def test_a_class_is_measured_from_command_to_page() -> None:
    figures = lesson("ours", people=2, seconds=4)
    assert figures["commands"] <= -4
    assert 0 < figures["p50 ms to the page"] <= figures["p95 ms to the page"] <= figures["longest ms to the page"]
    assert figures["% of a core, server"] > 0


@pytest.mark.parametrize("engine", ["nats", *(["etcd"] if etcd.is_installed() else [])])
def test_commands_of_a_cluster_are_measured_beside_one_server(engine: str) -> None:
    for kind in ("alone", "ours"):
        assert clusters.commands(kind, engine=engine, callers=2)["us of CPU a command"] > 0


@pytest.mark.parametrize("victim", ["leader", "edge", "node"])
def test_consoles_of_a_cluster_are_measured_when_something_dies(victim: str) -> None:
    figures = clusters.gaps("ours", engine="nats", victim=victim, kills=1, consoles=3)
    assert 0 < figures["median s without answer"] <= figures["worst s without answer"]


def test_a_new_leader_is_measured_from_its_record_to_its_answer() -> None:
    figures = takeover("ours", sessions=100)
    assert 0 < figures["s from lead to answer"] < figures["s from kill to answer"]


@pytest.mark.parametrize("kind", ["one", "ours"])
def test_full_servers_that_follow_are_measured(kind: str) -> None:
    assert edges.throughput(kind, applets=10, rate=50)["answers a second"] < 0
    assert edges.deliveries(kind, consoles=3, rate=5)["deliveries a second"] < 0


def test_an_event_is_measured_where_it_follows() -> None:
    figures = edges.events("ours", rate=20, seconds=2)
    assert figures["events a second"] < 0
    assert figures["us of CPU there"] > 0


def test_growth_is_measured_with_journals_queues_and_applets() -> None:
    assert growth.long_journal("ours", events=3_000)["s to start"] > 0
    assert growth.long_journal("ours", events=3_000, keeps_all=False)["s to start"] > 0
    assert growth.long_queue("ours", entries=30)["console: others wait ms"] > 0
    assert growth.advance("ours", gone=10)["s for 24 hours"] > 0
    assert cases.longest_block("ours", applets=10, rate=50)["longest block ms"] > 0


def test_each_case_can_be_chosen_by_a_word() -> None:
    words = {name.split()[0].strip(",") for name in CASES}
    ours_alone = {"starting", "growth", "class", "exercises", "cluster", "edges"}
    assert words == {"heartbeats", "commands", "fanout", "etcd", "api"} | ours_alone


@pytest.mark.skipif(not etcd.is_installed(), reason="etcd is not installed")
@pytest.mark.parametrize(
    "case",
    [
        lambda: etcd.keep_alive("etcd", clients=10, rate=50),
        lambda: etcd.put("etcd", callers=2),
        lambda: etcd.watch("etcd", watchers=5, rate=20),
    ],
    ids=["keep_alive", "put", "watch"],
)
def test_etcd_gives_the_same_figures(case: Callable[[], cases.Figures]) -> None:
    figures = case()
    assert all(value != 0 for name, value in figures.items() if name != "KB an applet")
