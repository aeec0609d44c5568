"""What a client needs to speak TLS with the server: whom to trust, and with mutual TLS what proves itself.

Files, not their contents: they are read at each dialling, so that renewed ones hold from the next connection on.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import grpc


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
