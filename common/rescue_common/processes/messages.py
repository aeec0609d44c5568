"""The messages between a fork server and the process that wants a child of it. They are data; `fork_server` acts."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Self


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildRequest:
    """A request for a child: the modules that it needs, and a directory that is to be removed after the parent died."""

    modules: tuple[str, ...]
    directory: str = ""

    def encode(self) -> bytes:
        """Return the request as one message."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, message: bytes) -> Self:
        """Read a request from one message."""
        return cls(**json.loads(message))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildStart:
    """What a child becomes: the module that it runs as `python -m` does, its arguments and its environment."""

    module: str
    arguments: tuple[str, ...]
    environment: dict[str, str]

    def encode(self) -> bytes:
        """Return the start as one line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> Self:
        """Read a start from one line."""
        return cls(**json.loads(line))
