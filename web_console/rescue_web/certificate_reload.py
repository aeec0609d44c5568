"""A renewed certificate holds from the next connection on, as it does at the session server."""

from __future__ import annotations

import ssl
import sys
from pathlib import Path

from rescue_common.tls import BadTls

_Stamp = tuple[tuple[int, int, int], ...]


def certified(cert: Path, key: Path) -> ssl.SSLContext:
    """Return what serves with these files. Raises BadTls."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(cert, key, password="")  # no prompt for a password
    except (OSError, ssl.SSLError) as error:
        raise BadTls(f"{cert}, {key} cannot be used together ({error.strerror or error})") from None
    return context


def follow_renewals(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    """Have every handshake of `context` look whether these files have changed; what cannot be used changes nothing."""
    in_force, seen = context, _stamp(cert, key)

    def take(connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> None:
        nonlocal in_force, seen
        try:
            if (now := _stamp(cert, key)) != seen:
                seen = now
                in_force = certified(cert, key)
        except (OSError, BadTls) as error:
            print(f"rescue web: the certificate that is in force stays: {error}", file=sys.stderr)
        connection.context = in_force

    context.sni_callback = take


def _stamp(*files: Path) -> _Stamp:
    found = (path.stat() for path in files)
    return tuple((stat.st_mtime_ns, stat.st_ino, stat.st_size) for stat in found)
