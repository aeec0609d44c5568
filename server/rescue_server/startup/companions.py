"""The companions that the options ask for, and where clients find them."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator, Mapping, Sequence
from urllib.parse import urlsplit

from rescue_common.api_addresses import ApiAddresses
from rescue_server.observe.observation import wants_requests
from rescue_server.startup.companion import PAGES, PUBLIC_API, companion
from rescue_server.startup.options import ServerOptions


@contextlib.asynccontextmanager
async def companions(options: ServerOptions, *, key: str, cluster: str = "") -> AsyncIterator[Mapping[str, str]]:
    """Run them for the length of the block, and yield their URLs by name.

    `key` proves to servers what they are. `cluster` is what tells this server's cluster from others.

    Raises NoCompanion, CannotMakeCertificates.
    """
    urls: dict[str, str] = {}
    ca_key = _derived(key, "CA") if cluster else ""

    def pages(last: Mapping[str, str]) -> Sequence[str]:
        # Open pages come back to the address that they know.
        where = urlsplit(last["web"]).netloc if last else options.web
        cookie = ("--login-cookie", f"rescue_login_{cluster}") if cluster else ()
        words = ("--listen", where, "--data", str(options.data), "--json", "--key-from-stdin")
        return (*words, *cookie, *options.web_options)

    def api(last: Mapping[str, str]) -> Sequence[str]:
        return options.api.arguments(options.data, notes=wants_requests(options.metrics), ca_key=ca_key)

    def write_api(found: Mapping[str, str]) -> None:
        ApiAddresses.of(found).write(options.data)

    async with contextlib.AsyncExitStack() as running:
        if options.web:
            urls |= await running.enter_async_context(companion(PAGES, pages, key=_derived(key, "pages")))
        if options.api.is_wanted:
            urls |= await running.enter_async_context(companion(PUBLIC_API, api, key=key, on_again=write_api))
        write_api(urls)
        yield urls


def _derived(key: str, purpose: str) -> str:
    """Return a key that proves nothing to a server."""
    return hmac.new(key.encode(), purpose.encode(), hashlib.sha256).hexdigest()
