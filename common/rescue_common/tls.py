"""What a client needs to speak TLS with the server: whom to trust, and with mutual TLS what proves itself.

Files, not their contents: they are read at each dialling, so that renewed ones hold from the next connection on. A
program keeps them in its environment, where whoever dials finds them, in its child processes as well.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import grpc


CA_VARIABLE = "RESCUE_TLS_CA"
CERT_VARIABLE = "RESCUE_TLS_CERT"
KEY_VARIABLE = "RESCUE_TLS_KEY"
NAME_VARIABLE = "RESCUE_TLS_NAME"
VARIABLES = (CA_VARIABLE, CERT_VARIABLE, KEY_VARIABLE, NAME_VARIABLE)
SYSTEM = "system"
"""In place of a CA's file: trust what gRPC trusts by itself."""


class BadTls(Exception):
    """A certificate or key cannot be read. The message names the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """PEM files: `ca` to trust (None: what gRPC trusts by itself), `cert` and `key` for mutual TLS.

    `name` is the host that the server's certificate must be for, if that is not the one that is dialled.
    """

    ca: Path | None = None
    cert: Path | None = None
    key: Path | None = None
    name: str = ""

    @staticmethod
    def of_environment() -> Tls | None:
        """Return what the environment says; None if the server is to be spoken to in the clear. Raises BadTls."""
        ca, cert, key = (os.environ.get(name, "") for name in (CA_VARIABLE, CERT_VARIABLE, KEY_VARIABLE))
        if not ca:
            if cert or key:
                raise BadTls(f"a certificate without a CA: name one with {CA_VARIABLE}, or say {SYSTEM!r}")
            return None
        return Tls(
            ca=None if ca == SYSTEM else Path(ca),
            cert=Path(cert) if cert else None,
            key=Path(key) if key else None,
            name=os.environ.get(NAME_VARIABLE, ""),
        )

    def variables(self) -> dict[str, str]:
        """Return what the environment of a program must have, so that it speaks TLS in this way."""
        said = (str(self.ca or SYSTEM), str(self.cert or ""), str(self.key or ""), self.name)
        return {variable: value for variable, value in zip(VARIABLES, said, strict=True) if value}

    def credentials(self) -> grpc.ChannelCredentials:
        """Read the files. Raises BadTls."""
        import grpc

        if (self.cert is None) != (self.key is None):
            raise BadTls("a certificate needs its key, and a key its certificate: give both")
        return grpc.ssl_channel_credentials(_read(self.ca), _read(self.key), _read(self.cert))


def _read(path: Path | None) -> bytes | None:
    if path is None:
        return None
    try:
        return path.read_bytes()
    except OSError as error:
        raise BadTls(f"{path} cannot be read: {error.strerror or error}") from None
