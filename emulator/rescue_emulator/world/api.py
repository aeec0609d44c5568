"""The public HTTP API of a world: where a client under test finds it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class WorldApi:
    """The API of one world. `url` is the base URL; methods are below it, like `/login.aspx`."""

    url: str
