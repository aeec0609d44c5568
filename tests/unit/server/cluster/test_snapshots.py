"""Snapshots: whose turn it is, when the log is trimmed, and that a server with nothing begins with one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest

from rescue_server.cluster.local_store import begin_with_backup, open_replica
from rescue_server.cluster.options import CannotJoin
from rescue_server.cluster.roster import KnownServer, Roster
from rescue_server.cluster.snapshots import Snapshots, put_snapshot
from rescue_server.cluster.standing import MemberStanding
from rescue_server.replicated.memory_log import MemoryLog
from rescue_server.replicated.store import LogMismatch, ReplicatedStore
from rescue_server.store import STORE_FILE, StoredEvent, StoreUnusable
from rescue_server.store.online_backup import back_up

T = TypeVar("T")
NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


class Cluster:
    """Stores of several servers on one log in memory; s1 leads."""

    def __init__(self, directory: Path, stack: ExitStack) -> None:
        self.directory = directory
        self.log = MemoryLog()
        self._stack = stack
        self.leader = self.open("s1")
        self.leader.lead(server="s1", address="h:1")

    def open(self, name: str) -> ReplicatedStore:
        path = self.directory / name / STORE_FILE
        store = open_replica(self.log, path, key="k", cluster="test", on_deposed=lambda: None)
        self._stack.callback(store.close)
        return store

    def append(self, number: int) -> None:
        for _ in range(number):
            event = StoredEvent(revision=self.leader.last_revision() + 1, at=NOON, stream="1001", body=b"{}")
            self.leader.append([event])

    def snapshots(self, name: str, *, followers: tuple[str, ...], records: int = 5) -> Snapshots:
        roster = Roster(name)
        for follower in followers:
            roster.join(follower, address="h:2", instance=follower) if follower != name else None
        members = [KnownServer(name=one, address="h", position=0, leads=one == "s1") for one in ("s1", *followers)]
        roster.take_news(members)
        standing = MemberStanding(name, "h:1", roster, lambda: self.leader.place)
        if name == "s1":
            standing.begin_to_lead(0.0)
        return Snapshots(standing, self.log, self.directory / name, records=records)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    with ExitStack() as stack:
        yield Cluster(tmp_path, stack)


def test_a_leader_alone_makes_them_and_trims_up_to_the_one_before_the_last(cluster: Cluster) -> None:
    snapshots = cluster.snapshots("s1", followers=())
    firsts = []
    for _ in range(4):
        cluster.append(5)
        snapshots.look()
        firsts.append(cluster.log.first())
    kept = cluster.log.snapshots()
    assert kept == [17, 22]
    snapshots.look()
    assert cluster.log.first() == 18
    assert firsts[:2] == [1, 1]


def test_there_is_none_before_it_is_worth_it(cluster: Cluster) -> None:
    cluster.append(2)
    cluster.snapshots("s1", followers=()).look()
    assert cluster.log.snapshots() == []


def test_the_last_that_follows_makes_them(cluster: Cluster) -> None:
    follower = cluster.open("s3")
    cluster.append(9)
    while follower.catch_up():
        pass
    for name in ("s1", "s2"):
        cluster.snapshots(name, followers=("s2", "s3")).look()
    assert cluster.log.snapshots() == []
    cluster.snapshots("s3", followers=("s2", "s3")).look()
    assert cluster.log.snapshots() == [follower.place.position]


@pytest.mark.parametrize("has_old_file", [False, True])
def test_a_server_that_the_log_has_nothing_for_begins_with_the_snapshot(cluster: Cluster, has_old_file: bool) -> None:
    if has_old_file:
        cluster.open("s2").close()
    cluster.append(5)
    position = put_snapshot(cluster.log, cluster.directory / "s1")
    cluster.append(1)
    cluster.log.trim(position - 1 if not has_old_file else position)
    joined = cluster.open("s2")
    assert list(joined.read()) == list(cluster.leader.read())
    assert joined.place == cluster.leader.place
    assert joined.identity() == cluster.leader.identity()


def test_without_a_snapshot_such_a_server_says_what_to_do(cluster: Cluster) -> None:
    cluster.append(5)
    cluster.log.trim(4)
    with pytest.raises(CannotJoin, match="there is no snapshot: copy the state directory of another server"):
        cluster.open("s2")


def test_a_damaged_snapshot_is_not_used(cluster: Cluster, tmp_path: Path) -> None:
    cluster.append(5)
    (tmp_path / "damaged").write_bytes(b"x" * 500)
    cluster.log.put_snapshot(5, tmp_path / "damaged")
    cluster.log.trim(4)
    with pytest.raises((StoreUnusable, LogMismatch)):
        cluster.open("s2")


def test_a_member_has_the_key_of_the_cluster(cluster: Cluster) -> None:
    path = cluster.directory / "s2" / STORE_FILE
    with pytest.raises(CannotJoin, match="another key"):
        open_replica(cluster.log, path, key="other", cluster="test", on_deposed=lambda: None)


def test_a_cluster_that_began_with_a_backup_gives_its_servers_the_same_state(cluster: Cluster, tmp_path: Path) -> None:
    cluster.append(5)
    back_up(tmp_path / "s1", tmp_path / "backup")
    other = MemoryLog()
    begin_with_backup(other, tmp_path / "backup", tmp_path / "r1", key="k", cluster="other")
    for name in ("r1", "r2"):  # the one that began it, and one with an empty directory
        store = open_replica(other, tmp_path / name / STORE_FILE, key="k", cluster="other", on_deposed=lambda: None)
        assert (store.last_revision(), store.place.position) == (5, 1)
        store.close()
    with pytest.raises(CannotJoin, match="the log of the cluster 'other' exists"):
        begin_with_backup(other, tmp_path / "backup", tmp_path / "r3", key="k", cluster="other")
    assert not (tmp_path / "r3").exists()


class Interrupted(Exception):
    """Stands for the end of the process."""


class InterruptedLog(MemoryLog):
    """The process of whoever uses it ends within one call, before or after that has taken effect."""

    def __init__(self, call: str, *, after: bool) -> None:
        super().__init__()
        self._call, self._after = call, after

    def append(self, expected: int, record: bytes, id: str) -> int:
        """See `Log.append`."""
        return self._within("append", lambda: super(InterruptedLog, self).append(expected, record, id))

    def put_snapshot(self, position: int, file: Path) -> None:
        """See `Log.put_snapshot`."""
        self._within("put_snapshot", lambda: super(InterruptedLog, self).put_snapshot(position, file))

    def _within(self, call: str, act: Callable[[], T]) -> T:
        if call == self._call:
            self._call = ""
            if self._after:
                act()
            raise Interrupted
        return act()


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("call", ["append", "put_snapshot"])
def test_a_restore_that_was_killed_is_done_again_or_was_done(
    cluster: Cluster, tmp_path: Path, call: str, after: bool
) -> None:
    cluster.append(5)
    back_up(tmp_path / "s1", tmp_path / "backup")
    other = InterruptedLog(call, after=after)
    with pytest.raises(Interrupted):
        begin_with_backup(other, tmp_path / "backup", tmp_path / "r1", key="k", cluster="other")
    if not other.tail():
        begin_with_backup(other, tmp_path / "backup", tmp_path / "r1", key="k", cluster="other")
    for name in ("r1", "r2"):
        store = open_replica(other, tmp_path / name / STORE_FILE, key="k", cluster="other", on_deposed=lambda: None)
        assert (store.last_revision(), store.place.position) == (5, 1)
        store.close()


def test_a_cluster_is_moved_into_another_one(cluster: Cluster, tmp_path: Path) -> None:
    cluster.append(5)
    back_up(tmp_path / "s1", tmp_path / "backup")
    first, second = MemoryLog(), MemoryLog()
    begin_with_backup(first, tmp_path / "backup", tmp_path / "r1", key="k", cluster="first")
    back_up(tmp_path / "r1", tmp_path / "again")
    begin_with_backup(second, tmp_path / "again", tmp_path / "r2", key="k", cluster="second")
    store = open_replica(second, tmp_path / "r3" / STORE_FILE, key="k", cluster="second", on_deposed=lambda: None)
    assert (store.last_revision(), store.place.position) == (5, 1)
    store.close()
