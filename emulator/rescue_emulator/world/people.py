"""What the people of a world are called on its server.

A world that has a server to itself calls them as they are. One that shares a server with others has people of
its own there: alice is `alice-3f9c1a`, the group Support is `Support-3f9c1a`; tests need not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

#: The small organization that a server makes at its first start.
GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType({"Support": ("alice", "bob", "carol"), "Network": ("dave",)})
CHANNELS: Mapping[str, tuple[str, ...]] = MappingProxyType({"Web": ("Support", "Network")})


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Names of technicians, groups and channels; `suffix` is what makes them a world's own, empty for none."""

    suffix: str = ""

    def of(self, name: str) -> str:
        """Return what somebody or something is called on the server."""
        return f"{name}-{self.suffix}" if self.suffix else name

    def owner(self, written: str) -> str:
        """Return the same for `technician:NAME`, `group:NAME` or `channel:NAME`."""
        kind, colon, name = written.partition(":")
        return f"{kind}:{self.of(name)}" if colon else written

    def plain(self, name: str) -> str:
        """Return what a test calls somebody; the reverse of `of`."""
        return name.removesuffix(f"-{self.suffix}") if self.suffix else name
