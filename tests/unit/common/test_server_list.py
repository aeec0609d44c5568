"""Several addresses: how they are written, which is used, and when another is."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from rescue_common.server_list import ServerList, read_addresses
from rescue_common.state_directory import Access, NoAccess, find_servers

A, B, C = "a:1", "b:2", "c:3"


def first(addresses: object) -> str:
    return A


def test_addresses_are_separated_by_commas_and_each_counts_once() -> None:
    assert read_addresses("a:1, b:2,a:1,[::1]:3") == (A, B, "[::1]:3")
    with pytest.raises(ValueError, match="b"):
        read_addresses("a:1,b")


def test_the_first_one_is_random_and_a_seed_repeats_it() -> None:
    chosen = [ServerList((A, B, C), choose=random.Random(seed).choice).current for seed in range(40)]
    assert set(chosen) == {A, B, C}
    assert chosen == [ServerList((A, B, C), choose=random.Random(seed).choice).current for seed in range(40)]


def test_after_a_failure_the_next_one_is_used_and_after_the_last_the_first() -> None:
    servers = ServerList((A, B, C), choose=first)
    used = [servers.current]
    for _ in range(3):
        servers.leave(servers.current)
        used.append(servers.current)
    assert used == [A, B, C, A]


def test_calls_that_fail_together_leave_a_server_once() -> None:
    servers = ServerList((A, B, C), choose=first)
    servers.leave(A)
    servers.leave(A)
    assert servers.current == B


def test_the_server_that_was_named_is_used_and_if_it_fails_one_of_the_list() -> None:
    servers = ServerList((A, B), choose=first)
    servers.leave(A, named=C)
    assert servers.current == C
    servers.leave(C)
    assert servers.current == A
    servers.leave(A, named="no address")
    assert servers.current == B


def test_a_list_that_is_looked_up_again_keeps_the_server_in_use() -> None:
    servers = ServerList((A, B), choose=lambda known: known[-1])
    servers.update((C, B))
    assert servers.current == B
    servers.update((C, A))
    assert servers.current == A


def test_a_single_server_stays() -> None:
    servers = ServerList((A,))
    servers.leave(A)
    assert servers.current == A


def test_option_variable_and_state_directory_name_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RESCUE_SERVER", raising=False)
    Access(server=A, servers=(A, B), secrets={"alice": "s"}).write(tmp_path)
    assert find_servers(data=tmp_path) == (A, B)
    monkeypatch.setenv("RESCUE_SERVER", "b:2,c:3")
    assert find_servers() == (B, C)
    assert find_servers(data=tmp_path) == (A, B), "what is typed wins"
    assert find_servers(server="c:3,a:1", data=tmp_path) == (C, A)
    Access(server=A, secrets={}).write(tmp_path)
    assert find_servers(data=tmp_path) == (A,), "a single server writes what it always wrote"
    Access(server=A, servers=("nonsense",)).write(tmp_path)
    with pytest.raises(NoAccess):
        find_servers(data=tmp_path)
