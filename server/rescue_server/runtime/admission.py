"""What the server asks of people whom it does not know yet, and how often each source may try."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from rescue_server.runtime.credentials import Tokens
from rescue_server.runtime.pin_attempts import PinAttempts


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The ways in: technicians and administrators by a secret, customers by a PIN."""

    tokens: Tokens
    pins: PinAttempts

    @classmethod
    def by(
        cls,
        key: bytes,
        *,
        companion_key: str = "",
        now: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> Admission:
        """Return them with a key that signs tokens, and the rest of what `Tokens` takes."""
        return cls(tokens=Tokens(key, companion_key=companion_key, now=now, wall=wall), pins=PinAttempts(now))
