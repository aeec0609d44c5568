"""Where the public API listens, and what its program is started with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rescue_common.hosts import parse_host_port

_OWN = "127.0.0.1:0"
_EVERYWHERE = ("0.0.0.0", "::")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicApi:
    """The addresses: plain HTTP, TLS, and the proxy that leads the vendor's names to TLS. Empty: not at all."""

    plain: str = ""
    tls: str = ""
    proxy: str = ""
    limits: bool = True
    """Whether requests are limited as at the vendor."""

    @property
    def is_wanted(self) -> bool:
        """Whether there is anything to start."""
        return bool(self.plain or self.tls or self.proxy)

    def arguments(self, data: Path, *, notes: bool = False, ca_key: str = "") -> tuple[str, ...]:
        """Return the arguments of the program; make its certificate. Raises CannotMakeCertificates, OSError.

        With `notes` it tells the server of each request. `ca_key` is a secret of all servers with one CA.
        """
        words = ["--data", str(data)]
        if self.plain:
            words += ["--listen", self.plain]
        if self.tls or self.proxy:
            from rescue_server.startup.certificates import certify_public_api

            tls = self.tls or _OWN  # the proxy leads there
            host = parse_host_port(tls)[0].strip("[]")
            names = () if host in _EVERYWHERE else (host,)
            files = certify_public_api(data / "api-tls", names, ca_key=ca_key.encode())
            words += ["--tls", tls, "--ca", str(files.ca), "--cert", str(files.certificate), "--key", str(files.key)]
        if self.proxy:
            words += ["--proxy", self.proxy]
        if self.limits:
            words.append("--limits")
        if notes:
            words.append("--notes")
        return tuple(words)


NO_PUBLIC_API = PublicApi()
