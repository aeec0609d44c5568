"""The CA of the public API of several servers: whoever trusts that of one trusts what each other one presents."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from rescue_server.startup.certificates import ServerFiles, certify_public_api

NAME = x509.DNSName("secure.logmeinrescue.com")


def verify(trusted: ServerFiles, presented: ServerFiles) -> None:
    """Raise VerificationError if a client that trusts one CA does not accept another server's certificate."""
    store = Store([x509.load_pem_x509_certificate(trusted.ca.read_bytes())])
    certificate = x509.load_pem_x509_certificate(presented.certificate.read_bytes())
    PolicyBuilder().store(store).build_server_verifier(NAME).verify(certificate, [])


def test_with_the_same_secret_each_one_will_do(tmp_path: Path) -> None:
    one, other = (certify_public_api(tmp_path / name, ca_key=b"secret") for name in ("one", "other"))
    verify(one, other)
    verify(other, one)
    assert one.key.read_bytes() != other.key.read_bytes(), "each server has a key of its own"


def test_without_it_or_with_another_one_it_does_not(tmp_path: Path) -> None:
    given = {"one": b"secret", "other": b"another secret", "random": b"", "random2": b""}
    files = {name: certify_public_api(tmp_path / name, ca_key=secret) for name, secret in given.items()}
    for name, trusted in files.items():
        verify(trusted, trusted)
        for other, presented in files.items():
            if other != name:
                with pytest.raises(VerificationError):
                    verify(trusted, presented)


def test_a_ca_that_is_there_is_kept(tmp_path: Path) -> None:
    before = certify_public_api(tmp_path).ca.read_bytes()
    assert certify_public_api(tmp_path, ca_key=b"secret").ca.read_bytes() == before
