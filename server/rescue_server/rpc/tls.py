"""The server's side of TLS: its certificate, the clients that it admits, and renewed files without a restart."""

from __future__ import annotations

import logging
import ssl
import threading
from dataclasses import dataclass
from pathlib import Path

import grpc

from rescue_common.tls import BadTls, Tls

log = logging.getLogger(__name__)
# As `rescue server certificates` names them.
CA_FILE = "ca.pem"
CLIENT_CERT_FILE = "client.pem"
CLIENT_KEY_FILE = "client.key"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTls:
    """PEM files. With `client_ca` only clients whose certificate it signed get in (mutual TLS)."""

    cert: Path
    key: Path
    client_ca: Path | None = None

    def credentials(self) -> grpc.ServerCredentials:
        """Read the files now, and again at each handshake that finds them changed. Raises BadTls."""
        files = _Files(self)
        return grpc.dynamic_ssl_server_credentials(
            files.first,
            files.renewed,  # type: ignore[arg-type]  # the stubs forget that it may find nothing new
            require_client_authentication=self.client_ca is not None,
        )

    def for_clients(self) -> Tls:
        """What clients of the same account need: the files that `rescue server certificates` puts beside ours.

        Without a CA file there, clients use the CAs that gRPC trusts.
        """
        beside = self.cert.resolve().parent
        cert, key = beside / CLIENT_CERT_FILE, beside / CLIENT_KEY_FILE
        has_own = self.client_ca is not None and cert.exists() and key.exists()
        ca = beside / CA_FILE
        return Tls(
            ca=ca if ca.exists() else None,
            cert=cert if has_own else None,
            key=key if has_own else None,
        )


class _Files:
    """The files in use. gRPC reads them in a thread of its own."""

    def __init__(self, tls: ServerTls) -> None:
        self._tls = tls
        self._lock = threading.Lock()
        self._stamp = _stamp(tls)
        self.first = _configuration(tls)

    def renewed(self) -> grpc.ServerCertificateConfiguration | None:
        """Return new files if they match each other; None: the present ones stay in use."""
        with self._lock:
            try:
                stamp = _stamp(self._tls)
                if stamp == self._stamp:
                    return None
                self._stamp = stamp
                found = _configuration(self._tls)
            except (OSError, BadTls) as error:
                log.error("the certificate that is in force stays: %s", error)
                return None
            log.info("a new certificate is in force")
            return found


def _stamp(tls: ServerTls) -> tuple[tuple[int, int, int], ...]:
    found = [path.stat() for path in (tls.cert, tls.key, tls.client_ca) if path is not None and path.exists()]
    return tuple((stat.st_mtime_ns, stat.st_ino, stat.st_size) for stat in found)


def _configuration(tls: ServerTls) -> grpc.ServerCertificateConfiguration:
    try:
        # A key that does not match is found here and not by the first client. An encrypted key fails without a
        # prompt.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(tls.cert, tls.key, password="")
        if tls.client_ca is not None:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(tls.client_ca)
        client_ca = None if tls.client_ca is None else tls.client_ca.read_bytes()
        return grpc.ssl_server_certificate_configuration([(tls.key.read_bytes(), tls.cert.read_bytes())], client_ca)
    except (OSError, ssl.SSLError) as error:
        names = ", ".join(str(path) for path in (tls.cert, tls.key, tls.client_ca) if path is not None)
        raise BadTls(f"{names} cannot be used together ({error.strerror or error})") from None
