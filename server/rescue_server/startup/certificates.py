"""A certificate authority (CA) for development, and the certificates that it signs: `rescue server certificates`.

    DIR/ca.pem       whom to trust          ca.key       signs further certificates (0600)
    DIR/server.pem   the server's           server.key   (0600)
    DIR/client.pem   clients', mutual TLS   client.key   (0600)

The public API has a CA of its own, in a directory of its own: whoever trusts it believes that we are the vendor.

An existing CA is kept, so that clients that trust it still do. The other files are made anew, each complete or not at
all. A running server uses them from its next connection on.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from rescue_common.hosts import VENDOR_DOMAINS
from rescue_common.private_files import make_private, write_private
from rescue_server.clock import wall_clock

if TYPE_CHECKING:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec

CA_LIFE = timedelta(days=3650)
LIFE = timedelta(days=365)
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551  # of the group of SECP256R1
CLOCKS_DIFFER = timedelta(hours=1)  # a certificate is valid from a little earlier on


class CannotMakeCertificates(Exception):
    """What is missing or wrong, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFiles:
    """The files of a server's certificate: whom to trust, the certificate, its key."""

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signed:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def make_certificates(directory: Path, hosts: Sequence[str] = (), *, life: timedelta = LIFE) -> list[Path]:
    """Make CA, server and client certificates; return what was written. `hosts` besides this machine's own names.

    Raises CannotMakeCertificates, OSError.
    """
    ca, written = _authority(directory, "Rescue Emulator development CA")
    for name, names in (("server", server_names(hosts)), ("client", ())):
        made = _sign(f"Rescue Emulator {name}", ca, names, life=life)
        written += _write(made, directory / f"{name}.pem", directory / f"{name}.key")
    return written


def certify_public_api(
    directory: Path, hosts: Sequence[str] = (), *, life: timedelta = LIFE, ca_key: bytes = b""
) -> ServerFiles:
    """Make a certificate for every name that clients of the public API know, and its CA if there is none.

    The key of a new CA is made of `ca_key`, if it is given: whoever trusts one of several servers with the same one
    trusts all of them. Raises CannotMakeCertificates, OSError.
    """
    ca, _ = _authority(directory, "Rescue Emulator public API CA", ca_key)
    files = ServerFiles(ca=directory / "ca.pem", certificate=directory / "server.pem", key=directory / "server.key")
    vendor = (f"*.{domain}" for domain in VENDOR_DOMAINS)
    made = _sign("Rescue Emulator public API", ca, server_names([*vendor, *hosts]), life=life)
    _write(made, files.certificate, files.key)
    return files


def server_names(hosts: Sequence[str]) -> tuple[str, ...]:
    """The names and addresses that the server's certificate is for."""
    return tuple(dict.fromkeys([*hosts, "localhost", "127.0.0.1", "::1", socket.gethostname()]))


def _authority(directory: Path, name: str, key: bytes = b"") -> tuple[_Signed, list[Path]]:
    """Return the CA of the directory, made if there is none, and the files that were written."""
    try:
        import cryptography  # noqa: F401
    except ImportError:
        raise CannotMakeCertificates(
            "this needs the package cryptography: pip install 'rescue-emulator[tls]'"
        ) from None
    make_private(directory)
    files = directory / "ca.pem", directory / "ca.key"
    if all(path.exists() for path in files):
        return _read(*files), []
    ca = _sign(name, None, (), life=CA_LIFE, key=_derived(key) if key else None)
    return ca, _write(ca, *files)


def _derived(key: bytes) -> ec.EllipticCurvePrivateKey:
    """Return the private key that belongs to a secret."""
    from cryptography.hazmat.primitives.asymmetric import ec

    number = int.from_bytes(hmac.digest(key, b"CA of the public API", hashlib.sha512))
    return ec.derive_private_key(number % (_ORDER - 1) + 1, ec.SECP256R1())


def _sign(
    name: str,
    ca: _Signed | None,
    names: Sequence[str],
    *,
    life: timedelta,
    key: ec.EllipticCurvePrivateKey | None = None,
) -> _Signed:
    """Make a key, unless one is given, and its certificate. Without a CA the certificate is that of a CA."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

    key = key or ec.generate_private_key(ec.SECP256R1())
    signer = ca.key if ca else key
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = wall_clock()
    usage = {"digital_signature": ca is not None, "key_cert_sign": ca is None, "crl_sign": ca is None} | dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
         "decipher_only"), False,
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(ca.certificate.subject if ca else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - CLOCKS_DIFFER)
        .not_valid_after(now + life)
        .add_extension(x509.BasicConstraints(ca=ca is None, path_length=0 if ca is None else None), critical=True)
        .add_extension(x509.KeyUsage(**usage), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
    )
    if ca is not None:
        role = ExtendedKeyUsageOID.SERVER_AUTH if names else ExtendedKeyUsageOID.CLIENT_AUTH
        builder = builder.add_extension(x509.ExtendedKeyUsage([role]), critical=False)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_general(one) for one in names]), critical=False)
    return _Signed(certificate=builder.sign(signer, hashes.SHA256()), key=key)


def _general(name: str) -> x509.GeneralName:
    from cryptography import x509

    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        return x509.DNSName(name.encode("idna").decode())
    except (UnicodeError, ValueError):
        raise CannotMakeCertificates(f"{name!r} is neither a host's name nor an address") from None


def _read(certificate: Path, key: Path) -> _Signed:
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        private = load_pem_private_key(key.read_bytes(), password=None)
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (ValueError, TypeError) as error:
        raise CannotMakeCertificates(f"{certificate} and {key} are no CA of ours: {error}") from None
    if not isinstance(private, ec.EllipticCurvePrivateKey) or private.public_key() != found.public_key():
        raise CannotMakeCertificates(f"{certificate} and {key} do not belong together: remove both for a new CA")
    return _Signed(certificate=found, key=private)


def _write(made: _Signed, certificate: Path, key: Path) -> list[Path]:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    private = made.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    # The key first: a server that reads the files in between finds a pair that does not match, and keeps the old one.
    write_private(key, private)
    write_private(certificate, made.certificate.public_bytes(Encoding.PEM), mode=0o644)
    return [certificate, key]
