"""What a client needs for TLS with the server: the CA to trust, and for mutual TLS its own certificate and key.

It names files. Each new connection reads them, so that renewed files are used from the next connection on. A program
keeps the names in its environment, so that its child processes find them too.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CA_VARIABLE = "RESCUE_TLS_CA"
CERT_VARIABLE = "RESCUE_TLS_CERT"
KEY_VARIABLE = "RESCUE_TLS_KEY"
NAME_VARIABLE = "RESCUE_TLS_NAME"
VARIABLES = (CA_VARIABLE, CERT_VARIABLE, KEY_VARIABLE, NAME_VARIABLE)
SYSTEM = "system"
"""Instead of a CA's file: trust the CAs that gRPC trusts by default."""


class BadTls(Exception):
    """A certificate or key cannot be read. The message names the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """PEM files: the `ca` to trust (None: the CAs that gRPC trusts by default), `cert` and `key` for mutual TLS.

    `name` is the host that the server's certificate must name, if it is not the host of the address.
    """

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    name: str = ""

    @staticmethod
    def of_environment(environment: Mapping[str, str] = os.environ) -> Tls | None:
        """Read the environment; return None if the connection is to have no TLS. Raises BadTls."""
        ca, cert, key = (environment.get(name, "") for name in (CA_VARIABLE, CERT_VARIABLE, KEY_VARIABLE))
        if not ca:
            if cert or key:
                raise BadTls(f"a certificate without a CA: name one with {CA_VARIABLE}, or say {SYSTEM!r}")
            return None
        return Tls(
            ca=None if ca == SYSTEM else Path(ca),
            cert=Path(cert) if cert else None,
            key=Path(key) if key else None,
            name=environment.get(NAME_VARIABLE, ""),
        )

    def variables(self) -> dict[str, str]:
        """Return the environment variables of a program that is to use these files."""
        values = (str(self.ca or SYSTEM), str(self.cert or ""), str(self.key or ""), self.name)
        return {variable: value for variable, value in zip(VARIABLES, values, strict=True) if value}

    def read_files(self) -> TlsFiles:
        """Return what the files contain. Raises BadTls."""
        if (self.cert is None) != (self.key is None):
            raise BadTls("a certificate needs its key, and a key its certificate: give both")
        return TlsFiles(ca=_read(self.ca), cert=_read(self.cert), key=_read(self.key))


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsFiles:
    """The contents of a client's PEM files; None for a file that was not named."""

    ca: bytes | None
    cert: bytes | None
    key: bytes | None


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadTls(f"{path} cannot be read: {error.strerror or error}") from None
