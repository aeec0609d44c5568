"""Nobody guesses a secret, and those who try keep nobody out."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections import Counter
from pathlib import Path

import grpc
import pytest
from argon2 import PasswordHasher

from rescue_client.connection import Connection
from rescue_common.allowance import MAX_SOURCES, Allowance, Allowances
from rescue_common.state_directory import Access
from rescue_protos.error_details import from_rpc_error
from rescue_protos.errors import ResourceExhausted, Unauthenticated
from rescue_server.core.organization import SecretChanged
from rescue_server.rpc.sources import is_local
from rescue_server.runtime.allowance import WRONG_SECRETS
from rescue_server.runtime.credentials import MOST_TOKENS, TOKEN_LIFE, Tokens, hash_secret, new_secret
from rescue_server.runtime.state import EngineState, read_event
from rescue_server.store.files import STORE_FILE
from rescue_server.store.sqlite import SqliteStore
from tests.security.conftest import House, Opened, Refused

A_YEAR = 365.25 * 86_400.0


def test_guessing_a_secret_takes_longer_than_there_is_time() -> None:
    """Nothing limits how many secrets are compared: at a thousand million a second, half of them take 10**41 years."""
    random = base64.urlsafe_b64decode(new_secret())
    assert len(random) * 8 == 192
    assert len({new_secret() for _ in range(1000)}) == 1000
    assert 2**191 / 1e9 / A_YEAR > 1e40


def test_an_allowance_comes_at_once_and_then_one_by_one() -> None:
    allowances = Allowances(Allowance(at_once=3, every=10.0))
    for _ in range(3):
        assert allowances.wait("a", 100.0) == 0
        allowances.spend("a", 100.0)
    assert [allowances.wait("a", now) for now in (100.0, 104.0, 110.0)] == [10.0, 6.0, 0.0]
    assert allowances.wait("b", 100.0) == 0
    allowances.spend("a", 110.0)
    assert allowances.wait("a", 110.0) == 10.0
    assert allowances.wait("a", 1000.0) == 0
    for number in range(MAX_SOURCES + 100):
        allowances.spend(f"source {number}", 0.0)
    assert len(allowances) == MAX_SOURCES


def test_the_right_secret_gets_in_whoever_tried_before() -> None:
    tokens, right = Tokens(now=lambda: 0.0), hash_secret("right")
    kinds = Counter[type]()
    for number in range(2000):
        for source in ("guesser", f"guesser {number}"):
            with pytest.raises((Unauthenticated, ResourceExhausted)) as refusal:
                tokens.sign_in("alice", f"wrong {number}", right, source=source)
            kinds[refusal.type] += source == "guesser"
    assert kinds == {Unauthenticated: WRONG_SECRETS.at_once, ResourceExhausted: 2000 - WRONG_SECRETS.at_once}
    for source in ("elsewhere", "guesser"):
        token = tokens.sign_in("alice", "right", right, source=source)
        assert tokens.principal_of(token, ()).name == "alice"


def test_tokens_expire_and_are_bounded() -> None:
    now, right = 0.0, hash_secret("right")
    tokens = Tokens(now=lambda: now)
    first = tokens.sign_in("alice", "right", right, source="here")
    for _ in range(MOST_TOKENS):
        last = tokens.sign_in("bob", "right", right, source="there")
    assert tokens.count == MOST_TOKENS
    with pytest.raises(Unauthenticated, match="sign in again"):
        tokens.principal_of(first, ())
    assert tokens.principal_of(last, ()).name == "bob"
    now += TOKEN_LIFE
    assert tokens.sign_in("alice", "right", right, source="here")
    assert tokens.count == 1


async def test_wrong_secrets_are_slowed_down_and_right_ones_are_not(house: House) -> None:
    answers = await asyncio.gather(*(house.token("alice", "wrong") for _ in range(100)), return_exceptions=True)
    errors = [from_rpc_error(error) for error in answers if isinstance(error, grpc.RpcError)]
    counts = Counter(error.reason for error in errors)
    assert counts == {"WRONG_SECRET": WRONG_SECRETS.at_once, "TOO_MANY_WRONG_SECRETS": 100 - WRONG_SECRETS.at_once}
    slowed = [error for error in errors if error.reason == "TOO_MANY_WRONG_SECRETS"]
    assert all(0 < error.retry_after <= WRONG_SECRETS.every for error in slowed)
    assert await house.token("alice")
    assert await house.token("bob")


async def test_whether_a_user_exists_is_not_told(house: House, refused: Refused) -> None:
    said = []
    for user in ("alice", "nobody"):
        async with refused("UNAUTHENTICATED", "WRONG_SECRET") as errors:
            await house.token(user, "wrong")
        said.append(str(errors[0]).replace(user, "U"))
    assert said[0] == said[1]
    async with refused("UNAUTHENTICATED", "WRONG_SECRET"):
        await house.token("nobody", "")


async def test_a_program_of_this_machine_says_for_whom_it_signs_in(house: House) -> None:
    """The web console does: its visitors are told apart as if they had called themselves."""

    async def wrong(visitor: str) -> str:
        async with Connection(house.address, user="alice", secret="wrong", visitor=visitor) as connection:
            with pytest.raises((Unauthenticated, ResourceExhausted)) as refusal:
                await connection.sign_in()
        return str(refusal.value.reason)

    assert [await wrong("192.0.2.1") for _ in range(WRONG_SECRETS.at_once)][-1] == "WRONG_SECRET"
    assert await wrong("192.0.2.1") == "TOO_MANY_WRONG_SECRETS"
    assert await wrong("2001:db8::1") == "WRONG_SECRET"
    assert await wrong("") == "WRONG_SECRET"


def test_only_this_machine_is_believed_about_its_visitors() -> None:
    local = {source: is_local(source) for source in ("127.0.0.1", "127.9.9.9", "::1", "unix", "192.0.2.1", "", "x")}
    assert [source for source, is_here in local.items() if is_here] == ["127.0.0.1", "127.9.9.9", "::1", "unix"]
    assert not is_local("2001:db8::/64")


async def test_secrets_of_an_old_store_hold_and_are_hashed_anew(open_house: Opened, tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with open_house(state):
        pass
    before = Access.read(state).secrets
    old = PasswordHasher(time_cost=1, memory_cost=64)
    with contextlib.closing(SqliteStore.open(state / STORE_FILE)) as store:
        known, clock = _replayed(store), store.clock()
        assert clock is not None
        hashes = {"alice": old.hash(before["alice"]), "bob": old.hash("of a file that is lost")}
        events = [SecretChanged(at=clock.now, user=user, secret_hash=hashed) for user, hashed in hashes.items()]
        store.append([known.apply(event).stored() for event in events], [], clock)
    async with open_house(state) as house:
        assert Access.read(state).secrets["alice"] == before["alice"]
        assert Access.read(state).secrets["bob"] != before["bob"]
        for user in ("alice", "bob", "carol"):
            assert await house.token(user)
    with contextlib.closing(SqliteStore.open(state / STORE_FILE)) as store:
        assert {
            secret_hash.partition("$")[0] for secret_hash in _replayed(store).organization.secret_hashes.values()
        } == {"sha256"}


def _replayed(store: SqliteStore) -> EngineState:
    state = EngineState()
    for stored in store.read(0):
        state.apply(read_event(stored), stored.revision)
    return state
