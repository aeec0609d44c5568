"""What servers that follow carry, on paper: by what one thing of each kind costs in the run that is kept."""

from __future__ import annotations

from benchmarks.report import Report

BUDGET = 0.7  # of a core, for each server: the rest is for what comes at once
BEATS_EVERY = 3.0  # seconds between two heartbeats of an applet, as consoles set them by default
EVENTS, CONSOLES = 100, 10  # events a second, and to how many consoles each of them goes
SERVERS = (1, 2, 4, 8, 16)


def tables(report: Report) -> str:
    """Return two tables of Markdown: what one thing costs, and what so many servers carry by that."""

    def median(case: str, figure: str, *, of: str = "edges") -> float:
        found: float = report["cases"][f"{of}, {case}"]["ours"][figure][1]
        return found

    beats, batches = "heartbeats, 1,000 applets, 2,000 a second", "100,000 applets by batches"
    beat, attaching = median(beats, "us of CPU there"), median(beats, "us of CPU to attach there")
    delivery = median("chat to 1,000 consoles", "us of CPU a delivery", of="fanout")  # each a message of its own
    event = median("events, 200 a second", "us of CPU there")
    command = median("events, 200 a second", "us of CPU at the leader")
    leader_beat = median(batches, "us of CPU a heartbeat")
    leader_attaching, kilobytes = median(batches, "us of CPU to announce one"), median(batches, "KB an applet")
    costs = [
        ("what", "at a server that follows", "at the leader"),
        ("---", "---", "---"),
        ("a heartbeat", f"{beat:.0f} µs of CPU", f"{leader_beat:.1f} µs, in batches"),
        ("an applet that attaches", f"{attaching:.0f} µs", f"{leader_attaching:.0f} µs, and {kilobytes:.1f} KB"),
        ("a command and its event", f"{event:.0f} µs", f"{command:.0f} µs"),
        ("an update delivered to a console", f"{delivery:.0f} µs", "nothing"),
    ]
    carried = [
        ("servers that follow", "applets", "of the leader's core", "of its memory"),
        ("---", "---", "---", "---"),
    ]
    for servers in SERVERS:
        for_applets = BUDGET - (EVENTS * event + EVENTS * CONSOLES / servers * delivery) / 1e6
        applets = servers * for_applets / (beat / 1e6 / BEATS_EVERY)
        leader = (EVENTS * command + applets / BEATS_EVERY * leader_beat) / 1e6
        memory = applets * kilobytes / 1e6
        carried.append((f"{servers}", f"{applets:,.0f}", f"{leader:.0%}", f"{memory:.2f} GB"))
    said = (
        f"On paper, with {BUDGET:.0%} of a core for each server, heartbeats each {BEATS_EVERY:g} s, "
        f"and {EVENTS} events a second that go to {CONSOLES} consoles each:"
    )
    return "\n".join([*map(_line, costs), "", said, "", *map(_line, carried)])


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cells) + " |"
