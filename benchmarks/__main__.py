"""`python -m benchmarks [ONLY] [--runs N] [--docs]`: measure our server and its peer in turn, and print ratios.

The peer is a bare server of grpc.aio. Of cases that begin with etcd, it is etcd; of commands in a cluster, it is a
server of ours alone; of two servers that follow, it is one. What a figure should reach stands in `benchmarks.goals`.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

from benchmarks import cases, clusters, edges, etcd, growth, public_api
from benchmarks.chart import publish
from benchmarks.classroom import lesson
from benchmarks.exercising import exercising
from benchmarks.report import OURS, Report, lines
from benchmarks.starting import starting
from benchmarks.takeover import takeover
from rescue_emulator.world.cluster_programs import ENGINES

RESULTS = Path(__file__).with_name("results")
Case = Callable[[str], cases.Figures]
CASES: dict[str, Case] = {
    "heartbeats, 1,000 applets, 2,000 a second": partial(cases.heartbeats, applets=1_000, rate=2_000),
    "heartbeats, 1,000 applets, 5,000 a second": partial(cases.heartbeats, applets=1_000, rate=5_000),
    "heartbeats, 10,000 applets, 2,000 a second": partial(cases.heartbeats, applets=10_000, rate=2_000),
    "heartbeats, longest block, 10,000 applets": partial(cases.longest_block, applets=10_000, rate=2_000),
    "commands, 1 caller": partial(cases.commands, callers=1),
    "commands, 16 callers": partial(cases.commands, callers=16),
    "commands, 64 callers": partial(cases.commands, callers=64),
    "commands by stream, 1 under way": partial(cases.streamed_commands, streams=1, window=1),
    "commands by stream, 16 under way": partial(cases.streamed_commands, streams=1, window=16),
    "commands by stream, 64 under way": partial(cases.streamed_commands, streams=1, window=64),
    "commands by 16 streams, 1 under way": partial(cases.streamed_commands, streams=16, window=1),
    "commands by stream, 16 under way, beside a bare stream": partial(cases.beside_bare_streams, streams=1, window=16),
    "fanout, chat to 10 consoles": partial(cases.chat, consoles=10, rate=100),
    "fanout, chat to 100 consoles": partial(cases.chat, consoles=100, rate=20),
    "fanout, chat to 1,000 consoles": partial(cases.chat, consoles=1_000, rate=4),
    "fanout, a channel of 100 technicians": partial(cases.through_channel, technicians=100, rate=20),
    "fanout, a channel of 1,000 technicians": partial(cases.through_channel, technicians=1_000, rate=4),
    "etcd, lease keep-alive, 1,000 clients, 2,000 a second": partial(etcd.keep_alive, clients=1_000, rate=2_000),
    "etcd, put, 16 callers": partial(etcd.put, callers=16),
    "etcd, watch, 100 watchers": partial(etcd.watch, watchers=100, rate=20),
    "starting": starting,
    "growth, 100,000 events, all sessions kept": partial(growth.long_journal, events=100_000),
    "growth, 1,000,000 events, all sessions kept": partial(growth.long_journal, events=1_000_000),
    "growth, 1,000,000 events, default options": partial(growth.long_journal, events=1_000_000, keeps_all=False),
    "growth, 20,000 entries in a queue": partial(growth.long_queue, entries=20_000),
    "growth, a day when 10,000 applets are gone": partial(growth.advance, gone=10_000),
    "growth, all published rows": growth.rows,
    "exercises, start of each row": exercising,
    "class, thirty people": partial(lesson, people=30, seconds=12),
    "api, getSession_v3 over 100 sessions": partial(public_api.get_session, sessions=100),
    "api, idle": public_api.idle,
    **{
        f"cluster, commands, 64 callers, {engine}, {followers} that follow here": partial(
            clusters.commands, engine=engine, callers=64, followers=followers
        )
        for engine in ENGINES
        for followers in (0, 2)
    },
    "edges, heartbeats, 1,000 applets, 2,000 a second": partial(edges.heartbeats, applets=1_000, rate=2_000),
    "edges, heartbeats of two full servers": partial(edges.throughput, applets=1_000, rate=20_000),
    "edges, deliveries of two busy servers": partial(edges.deliveries, consoles=4_000, rate=40),
    "edges, events, 200 a second": partial(edges.events, rate=200),
    "edges, 100,000 applets by batches": partial(edges.simulation, applets=100_000, edges=4),
    "cluster, a new leader of 100,000 sessions": partial(takeover, sessions=100_000),
    **{
        f"cluster, consoles when the {what} dies, {engine}": partial(clusters.gaps, engine=engine, victim=what)
        for engine in ENGINES
        for what in ("leader", "edge", "node")
    },
}
ALONE = (
    "starting",
    "growth",
    "heartbeats, longest block",
    "exercises, start of each row",
    "class, thirty people",
    "api, idle",
    "cluster, a new leader",
    "cluster, consoles",
    "edges, heartbeats, ",
    "edges, events",
    "edges, 100,000",
)  # there is nothing to compare it with

PEERS = {"etcd": "etcd", "cluster": "alone", "edges": "one"}


def peer_of(name: str) -> str:
    """Return the kind of server that a case compares ours with; empty if there is none."""
    if name.startswith(ALONE):
        return ""
    return next((peer for word, peer in PEERS.items() if name.startswith(word)), "bare")


def main() -> int:
    """Run the cases whose names have the given word."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("only", nargs="?", default="", help="cases with this in their name")
    parser.add_argument("--runs", type=int, default=3, help="runs of each server (default: 3)")
    parser.add_argument("--docs", action="store_true", help="put the result into the documents")
    given = parser.parse_args()
    chosen = {name: case for name, case in CASES.items() if given.only in name}
    if not chosen:
        print(f"no case has {given.only!r} in its name: there are {'; '.join(CASES)}", file=sys.stderr)
        return 2
    machine, load = _machine(), f"{os.getloadavg()[0]:.1f}"
    report: Report = {"machine": machine, "cases": {}, "measured": {}}
    print(_now(), f"load {load}", *(f"{key} {value}" for key, value in machine.items()), sep=", ")
    for name, case in chosen.items():
        peer = peer_of(name)
        if "etcd" in name and not etcd.is_installed():
            print(f"\n{name}\n  not measured: etcd is not installed")
            continue
        kinds = [kind for kind in (peer, OURS) if kind]
        found: dict[str, list[cases.Figures]] = {kind: [] for kind in kinds}
        for _ in range(given.runs):
            for kind in kinds:
                found[kind].append(case(kind))
        report["measured"][name] = {"at": _now(), "load": load, "runs": str(given.runs)}
        report["cases"][name] = {kind: _summary(runs) for kind, runs in found.items()}
        print(*lines(name, report["cases"][name]), sep="\n", flush=True)
    RESULTS.mkdir(exist_ok=True)
    target = RESULTS / f"{datetime.now(UTC):%Y-%m-%dT%H%M%S}.json"
    target.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"written to {target}")
    if given.docs:
        publish(report, order=list(CASES))
    return 0


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"


def _summary(runs: list[cases.Figures]) -> dict[str, list[float]]:
    """Return of each figure the lowest, the median and the highest."""
    return {
        figure: [min(values), statistics.median(values), max(values)]
        for figure in runs[0]
        for values in [[abs(run[figure]) for run in runs]]
    }


def _machine() -> dict[str, str]:
    return {
        "cores": str(len(os.sched_getaffinity(0))),
        "system": f"{platform.system()} {platform.machine()}",
        "Python": platform.python_version(),
        "grpcio": version("grpcio"),
        "protobuf": version("protobuf"),
    }


if __name__ == "__main__":
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    sys.exit(main())
