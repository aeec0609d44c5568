"""The kinds of network cable that `--lan` chooses from."""

from __future__ import annotations

from collections.abc import Callable

from rescue_applet.network.cable import Cable
from rescue_applet.network.namespace import Interface
from rescue_applet.network.relay import Relay
from rescue_applet.servers import Servers

# Given where the server is to be found. Raises CannotLay.
Kind = Callable[[Servers], Cable]
KINDS: dict[str, Kind] = {"relay": Relay, "netns": Interface}
