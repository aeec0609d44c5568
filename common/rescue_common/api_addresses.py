"""Where the public API of a server is, and the environment variables that lead its clients there.

The server writes `api.json` into its state directory, so that programs of the same account find the API.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from rescue_common.private_files import write_private

_FILE = "api.json"
_NEVER_BY_PROXY = "localhost,127.0.0.1,::1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAddresses:
    """The base URLs without and with TLS, the proxy's URL, and the file with the CA. What there is not is empty."""

    api: str = ""
    api_tls: str = ""
    api_proxy: str = ""
    api_ca: str = ""

    @classmethod
    def of(cls, urls: Mapping[str, str]) -> ApiAddresses:
        """Return the addresses that a ready line has, among other things."""
        return cls(**{name: str(urls.get(name, "")) for name in cls.__dataclass_fields__})

    @staticmethod
    def read(directory: Path) -> ApiAddresses:
        """Return the addresses of the server of a state directory; nothing if it has no public API."""
        try:
            found = json.loads((directory / _FILE).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            return ApiAddresses()
        return ApiAddresses.of(found if isinstance(found, dict) else {})

    def write(self, directory: Path) -> None:
        """Keep the addresses in the state directory; a server without the API leaves no file. Raises OSError."""
        if self == ApiAddresses():
            (directory / _FILE).unlink(missing_ok=True)
        else:
            write_private(directory / _FILE, json.dumps(asdict(self)).encode())

    @property
    def url(self) -> str:
        """The base URL, the one without TLS if there are both."""
        return self.api or self.api_tls

    def variables(self, *, proxy: bool) -> dict[str, str]:
        """Return environment variables for clients; with `proxy` also those for clients that know the vendor's names.

        Some programs read the names of the proxy's variables in lower case only.
        """
        found = {"RESCUE_API_URL": self.url, "LOGMEIN_BASE_URL": self.url}
        if proxy:
            found |= dict.fromkeys(("HTTPS_PROXY", "https_proxy"), self.api_proxy)
            found |= dict.fromkeys(("NO_PROXY", "no_proxy"), _NEVER_BY_PROXY)
        if proxy or not self.api:
            trusting = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE")
            found |= dict.fromkeys(trusting, self.api_ca)
        return found
