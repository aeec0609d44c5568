"""The organization of a world, and the names of its accounts on the server.

A world with a server of its own uses the plain names. A world on a shared server has accounts of its own there: alice
is `alice-3f9c1a`, the group Support is `Support-3f9c1a`. Tests use the plain names in both cases.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

#: The organization that a server creates at its first start if it is given none; a test compares the two.
GROUPS: Mapping[str, tuple[str, ...]] = MappingProxyType({"Support": ("alice", "bob", "carol"), "Network": ("dave",)})
CHANNELS: Mapping[str, tuple[str, ...]] = MappingProxyType({"Web": ("Support", "Network")})


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountNames:
    """The names of technicians, groups and channels on the server; a `suffix` makes them unique to one world.

    `persons` are technicians with an account of another name, such as `alice` to `monday-1`.
    """

    suffix: str = ""
    persons: Mapping[str, str] = field(default_factory=dict)

    def account(self, name: str) -> str:
        """Return the name on the server; a name that is one already stays."""
        plain = self.plain(name)
        if plain in self.persons:
            return self.persons[plain]
        return f"{plain}-{self.suffix}" if self.suffix else name

    def owner(self, written: str) -> str:
        """Return `technician:NAME`, `group:NAME` or `channel:NAME` with the name on the server."""
        kind, colon, name = written.partition(":")
        return f"{kind}:{self.account(name)}" if colon else written

    def command(self, words: Sequence[str]) -> list[str]:
        """Return the words of a console's command with the names on the server."""
        match list(words):
            case ["transfer", session, target, *rest]:
                return ["transfer", session, _within_quotes(self.owner, target), *rest]
            case ["invite" | "remove" as verb, session, who]:
                return [verb, session, _within_quotes(self.account, who)]
            case ["lead", session, "offer", who]:
                return ["lead", session, "offer", _within_quotes(self.account, who)]
        return list(words)

    def plain(self, name: str) -> str:
        """Return the plain name; the reverse of `account`."""
        person = next((plain for plain, account in self.persons.items() if account == name), "")
        return person or (name.removesuffix(f"-{self.suffix}") if self.suffix else name)

    def plain_text(self, text: str) -> str:
        """Return a text with the plain names in the place of those on the server."""
        for plain, account in self.persons.items():
            text = re.sub(rf"(?<![\w-]){re.escape(account)}(?![\w-])", plain, text)
        return text.replace(f"-{self.suffix}", "") if self.suffix else text


def _within_quotes(change: Callable[[str], str], word: str) -> str:
    quote = '"' if word.startswith('"') else ""
    return f"{quote}{change(word.strip(quote or None))}{quote}"
