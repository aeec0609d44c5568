"""The interface of a computer's network cable, for every kind of cable."""

from __future__ import annotations

from typing import Protocol

from rescue_applet.network.condition import Condition


class CannotLay(Exception):
    """A cable of this kind cannot be laid here. The message names what is missing."""


class Cable(Protocol):
    """The interface of a cable. Each kind is one module of this package."""

    @property
    def address(self) -> str:
        """Where the applet finds the server: HOST:PORT of the near end."""
        ...

    @property
    def entry(self) -> tuple[str, ...]:
        """The command in front of a program that is to run at the near end; empty if it may run anywhere."""
        ...

    def apply(self, condition: Condition) -> None:
        """Carry under this condition from now on, first of all what was held; in force on return.

        Raises CannotLay if the cable is not there any more.
        """
        ...

    def abandon(self) -> None:
        """The present connections die without a close."""
        ...

    def reset(self) -> None:
        """The present connections are reset at both ends."""
        ...

    def power_lost(self) -> None:
        """The computer is down: what it had sent and the cable had not carried yet is gone."""
        ...

    async def close(self) -> None:
        """Remove the cable."""
        ...
