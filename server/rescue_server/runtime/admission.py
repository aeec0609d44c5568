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
    def by(cls, now: Callable[[], float] = time.monotonic) -> Admission:
        """Return them with a clock of real seconds."""
        return cls(tokens=Tokens(now), pins=PinAttempts(now))
