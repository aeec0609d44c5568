"""A secret that somebody chose can be guessed: its hash is slow, and whoever is wrong too often has to wait."""

from __future__ import annotations

import pytest

from rescue_protos.errors import InvalidArgument, ResourceExhausted, Unauthenticated
from rescue_protos.v1 import admin_pb2
from rescue_server.rpc.translate import request_of
from rescue_server.runtime.credentials import (
    KEY_LENGTH,
    SECRET_LENGTH,
    Tokens,
    hash_chosen,
    hash_secret,
    is_chosen,
    require_secret,
    secret_fits,
)


def test_the_hash_is_salted_and_fits_its_secret_only() -> None:
    first, second = hash_chosen("summer"), hash_chosen("summer")
    assert first != second
    assert "summer" not in first
    assert is_chosen(first)
    assert not is_chosen(hash_secret("summer"))
    for known in (first, second):
        assert secret_fits("summer", known)
        assert not secret_fits("winter", known)
        assert not secret_fits("", known)


def test_after_too_many_wrong_ones_the_right_one_waits_too() -> None:
    now = 0.0
    tokens = Tokens(b"k" * KEY_LENGTH, now=lambda: now)
    chosen, random = hash_chosen("summer"), hash_secret("long and random")
    refused: list[type[Exception]] = []
    while ResourceExhausted not in refused:
        with pytest.raises((Unauthenticated, ResourceExhausted)) as caught:
            tokens.check("alice", "guess", random, source="here")
        refused.append(caught.type)
    assert refused[0] is Unauthenticated
    with pytest.raises(ResourceExhausted) as waiting:
        tokens.check("alice", "summer", chosen, source="here")
    tokens.check("alice", "long and random", random, source="here")  # nobody guesses this one
    tokens.check("alice", "summer", chosen, source="elsewhere")
    now += waiting.value.retry_after
    tokens.check("alice", "summer", chosen, source="here")


@pytest.mark.parametrize("secret", ["x" * (SECRET_LENGTH + 1), "a\nb", "\0"])
def test_what_is_no_secret(secret: str) -> None:
    with pytest.raises(InvalidArgument):
        require_secret("secret", secret)


def test_the_fingerprint_of_a_request_says_nothing_of_a_password() -> None:
    one, other = (admin_pb2.ChangeUserRequest(request_id="1", user="alice", secret=secret) for secret in ("a", "b"))
    renamed = admin_pb2.ChangeUserRequest(request_id="1", user="alice", name="alicia", secret="a")
    prints = [request_of("admin", each).fingerprint for each in (one, other, renamed)]
    assert prints[0] == prints[1] != prints[2]
