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
from rescue_protos.v1 import admin_pb2, admin_pb2_grpc, console_pb2
from rescue_server.core.organization import SecretChanged
from rescue_server.rpc.sources import is_local
from rescue_server.runtime.allowance import WRONG_SECRETS
from rescue_server.runtime.credentials import TOKEN_LIFE, Tokens, hash_secret, new_secret
from rescue_server.runtime.state import EngineState, read_event
from rescue_server.store.files import STORE_FILE
from rescue_server.store.sqlite import SqliteStore
from tests.security.conftest import House, Opened, Refused

KEY = b"the key of all servers"
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
    tokens, right = Tokens(KEY, now=lambda: 0.0), hash_secret("right")
    kinds = Counter[type]()
    for number in range(2000):
        for source in ("guesser", f"guesser {number}"):
            with pytest.raises((Unauthenticated, ResourceExhausted)) as refusal:
                tokens.sign_in("alice", f"wrong {number}", right, source=source)
            kinds[refusal.type] += source == "guesser"
    assert kinds == {Unauthenticated: WRONG_SECRETS.at_once, ResourceExhausted: 2000 - WRONG_SECRETS.at_once}
    for source in ("elsewhere", "guesser"):
        token = tokens.sign_in("alice", "right", right, source=source)
        assert tokens.principal_of(token, (), {"alice": right}).name == "alice"


def test_every_server_with_the_key_knows_a_token_until_it_expires() -> None:
    now, hashes = 1000.0, {"alice": hash_secret("right"), "admin": hash_secret("admin's")}
    here, there = Tokens(KEY, wall=lambda: now), Tokens(KEY, wall=lambda: now)
    token = here.sign_in("alice", "right", hashes["alice"], source="here")
    found = there.principal_of(token, {"admin"}, hashes)
    assert (found.name, found.administrator, found.companion, found.secret_hash) == (
        "alice",
        False,
        False,
        hashes["alice"],
    )
    companion = here.sign_in_companion(here.companion_key, user="admin", secret_hash=hashes["admin"], acts_for="bob")
    assert companion is not None
    found = there.principal_of(companion, {"admin"}, hashes)
    assert (found.name, found.administrator, found.companion, found.acts_for) == ("admin", True, True, "bob")
    now += TOKEN_LIFE
    for tokens in (here, there):
        with pytest.raises(Unauthenticated, match="sign in again"):
            tokens.principal_of(token, (), hashes)


def test_another_key_another_secret_and_any_other_bit_are_no_token() -> None:
    hashes = {"alice": hash_secret("right")}
    tokens = Tokens(KEY)
    token = tokens.sign_in("alice", "right", hashes["alice"], source="here")
    assert tokens.principal_of(token, (), hashes)
    with pytest.raises(Unauthenticated):
        Tokens(b"another key").principal_of(token, (), hashes)
    for later in ({"alice": hash_secret("renewed")}, {}):
        with pytest.raises(Unauthenticated, match="was changed"):
            tokens.principal_of(token, (), later)
    body = base64.urlsafe_b64decode(token)
    forged = [body[:at] + bytes([body[at] ^ 1]) + body[at + 1 :] for at in range(len(body))]
    for wrong in ["", "x", "é", token[:-4], *(base64.urlsafe_b64encode(one).decode() for one in forged)]:
        with pytest.raises(Unauthenticated):
            tokens.principal_of(wrong, (), hashes)
    assert hashes["alice"].encode() not in body


async def test_a_token_holds_after_a_restart_and_not_after_its_secret_was_renewed(
    open_house: Opened, tmp_path: Path, refused: Refused
) -> None:
    state = tmp_path / "state"
    async with open_house(state) as house:
        tokens = {user: (("authorization", f"Bearer {await house.token(user)}"),) for user in ("alice", "admin")}
    async with open_house(state) as house:
        assert (await house.console.ListQueue(console_pb2.ListQueueRequest(), metadata=tokens["alice"])).revision
        admin = admin_pb2_grpc.AdminServiceStub(house.channel)
        await admin.RenewSecret(admin_pb2.RenewSecretRequest(request_id="r", user="alice"), metadata=tokens["admin"])
        async with refused("UNAUTHENTICATED", "TOKEN_EXPIRED"):
            await house.console.ListQueue(console_pb2.ListQueueRequest(), metadata=tokens["alice"])


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
