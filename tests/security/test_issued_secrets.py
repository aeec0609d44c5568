"""The secrets in the state directory are those that hold, whatever comes between the store and the file."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

import grpc
import pytest

from rescue_common.state_directory import ACCESS_FILE, Access
from rescue_protos.v1 import admin_pb2 as pb
from rescue_protos.v1 import admin_pb2_grpc
from rescue_server.runtime.credentials import hash_secret
from rescue_server.startup import issued_access
from rescue_server.startup.issued_access import IssuedSecrets
from rescue_server.store import SqliteStore, StoreUnavailable
from tests.security.conftest import House, Opened, Refused

OLD, NEW, OTHER = "old secret", "new secret", "another secret"


def secrets_of(directory: Path) -> dict[str, str]:
    return Access.read(directory).secrets


def admin_of(house: House) -> admin_pb2_grpc.AdminServiceAsyncStub:
    return admin_pb2_grpc.AdminServiceStub(house.channel)


@pytest.mark.parametrize(("stored", "found"), [(OLD, OLD), (NEW, NEW)])
def test_of_a_promise_that_was_cut_short_the_store_says_what_came_of_it(
    tmp_path: Path, stored: str, found: str
) -> None:
    IssuedSecrets(tmp_path).write({"alice": OLD, "bob": OTHER})
    IssuedSecrets(tmp_path).prepare({"alice": NEW})  # and there the server dies
    assert secrets_of(tmp_path)["alice"] == OLD
    book = IssuedSecrets(tmp_path)
    book.confirm({"alice": hash_secret(stored), "bob": "never looked at"})
    assert secrets_of(tmp_path) == {"alice": found, "bob": OTHER}
    assert "promised" not in json.loads((tmp_path / ACCESS_FILE).read_text())


def test_a_secret_that_nobody_knows_any_more_is_missing(tmp_path: Path) -> None:
    book = IssuedSecrets(tmp_path)
    book.write({"alice": OLD, "bob": OTHER})
    book.mark_unsure()  # a backup is restored
    book = IssuedSecrets(tmp_path)
    hashes = {"alice": hash_secret("of another time"), "bob": hash_secret(OTHER)}
    book.confirm(hashes)
    assert secrets_of(tmp_path) == {"bob": OTHER}
    assert book.missing(hashes) == ["alice"]


def test_two_who_renew_the_same_secret_do_not_undo_each_other(tmp_path: Path) -> None:
    book = IssuedSecrets(tmp_path)
    book.prepare({"alice": OLD})
    book.prepare({"alice": NEW})
    book.write({"alice": OLD})
    after_a_crash = IssuedSecrets(tmp_path)
    after_a_crash.confirm({"alice": hash_secret(NEW)})
    assert secrets_of(tmp_path) == {"alice": NEW}
    book.revoke({"alice": NEW})
    assert Access.read(tmp_path).promised == {}


async def test_a_death_between_the_store_and_the_file_locks_nobody_out(
    open_house: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    with monkeypatch.context() as dying:
        async with open_house(state) as house:
            metadata = await house.signed_in("admin")
            before = secrets_of(state)
            dying.setattr(issued_access.IssuedSecrets, "write", lambda *_: None)  # what it never came to
            for user in ("admin", "alice"):
                renew = pb.RenewSecretRequest(request_id=user, user=user)
                await admin_of(house).RenewSecret(renew, metadata=metadata)
                metadata = metadata if user == "alice" else (("authorization", f"Bearer {await renewed(house)}"),)
            assert secrets_of(state) == before
    async with open_house(state) as house:
        assert await house.token("admin")
        assert await house.token("alice")
        assert secrets_of(state)["bob"] == before["bob"]


async def renewed(house: House) -> str:
    """A token for the administrator's new secret, which is nowhere but in the promise."""
    (promised,) = Access.read(house.data).promised["admin"]
    return await house.token("admin", promised)


async def test_a_caller_who_goes_away_leaves_no_secret_behind_that_nobody_knows(house: House) -> None:
    metadata = await house.signed_in("admin")
    before = house.secrets["alice"]
    call = admin_of(house).RenewSecret(pb.RenewSecretRequest(request_id="r", user="alice"), metadata=metadata)
    async with asyncio.timeout(30):
        while "alice" not in Access.read(house.data).promised:  # noqa: ASYNC110 - a file has no event to wait for
            await asyncio.sleep(0)
        call.cancel()
        while Access.read(house.data).promised:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert house.secrets["alice"] != before
    assert await house.token("alice")


async def test_a_file_that_cannot_be_written_refuses_before_anything_changes(
    house: House, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = await house.signed_in("admin")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    renew = pb.RenewSecretRequest(request_id="r", user="alice")
    with monkeypatch.context() as no_room:
        no_room.setattr(Access, "write", full)
        async with refused("RESOURCE_EXHAUSTED", "STORE_FULL"):
            await admin_of(house).RenewSecret(renew, metadata=metadata)
    assert await house.token("alice")
    assert (await admin_of(house).RenewSecret(renew, metadata=metadata)).secret == house.secrets["alice"]


async def test_a_secret_of_which_nobody_knows_whether_it_is_stored_stays_pending(
    house: House, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = await house.signed_in("admin")

    def fail(*_: object) -> None:
        raise StoreUnavailable(path=house.data, cause="the disk does not sync", is_uncertain=True)

    renew = pb.RenewSecretRequest(request_id="r", user="alice")
    with monkeypatch.context() as failing:
        failing.setattr(SqliteStore, "append", fail)
        async with refused("UNAVAILABLE", "OUTCOME_UNKNOWN"):
            await admin_of(house).RenewSecret(renew, metadata=metadata)
    (pending,) = Access.read(house.data).promised["alice"]
    after_a_crash = IssuedSecrets(house.data)
    after_a_crash.confirm({"alice": hash_secret(pending)})
    assert secrets_of(house.data)["alice"] == pending, "it was stored, as the restart shows"


async def test_a_refused_account_leaves_no_promise_and_a_removed_one_no_secret(house: House) -> None:
    metadata = await house.signed_in("admin")
    add = pb.AddTechnicianRequest(request_id="a", name="erin", group="Nowhere")
    with contextlib.suppress(grpc.RpcError):
        await admin_of(house).AddTechnician(add, metadata=metadata)
    assert Access.read(house.data).promised == {}
    remove = pb.RemoveTechnicianAccountRequest(request_id="b", technician="dave")
    await admin_of(house).RemoveTechnicianAccount(remove, metadata=metadata)
    assert set(house.secrets) == {"alice", "bob", "carol", "admin"}
