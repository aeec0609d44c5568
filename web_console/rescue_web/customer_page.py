"""A customer behind the page of their computer: what the page shows, and the customers of all browsers.

A customer needs no secret: whoever has a PIN or knows a channel may join, as in the product. So that nobody guesses
PINs through the companion, or fills the machine with computers, each visitor has limits here.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncGenerator, Callable

from rescue_applet import events
from rescue_common.allowance import Allowance, Allowances
from rescue_common.hosts import source_of_host
from rescue_web.computers import ComputerRefused, NotPossible, OwnComputer, StartedComputers
from rescue_web.feed import Data, Feed

MAX_EACH = 30
"""Running computers of one visitor: a class may share one address."""
WRONG_JOINS = Allowance(at_once=30, every=10.0)
ABANDONED = 3600.0
"""Real seconds for which a computer runs on after its last page was closed."""
_AT_A_TIME = 4  # computers that are started


class TooManyTries(NotPossible):
    """The visitor has to wait."""


class CustomerPage:
    """What the pages of one customer show. `key` is the cookie's value, `proof` shows that a request is a page's."""

    def __init__(self, computer: OwnComputer, visitor: str) -> None:
        self.key, self.proof = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
        self.computer = computer
        self.visitor = visitor
        self.feed = Feed(self._whole)
        self._open = 0
        self._closing: asyncio.TimerHandle | None = None
        self._leaving: asyncio.Task[int] | None = None
        computer.listen(self._receive)

    async def messages(self) -> AsyncGenerator[str, None]:
        """Yield the messages for one page: the whole state, again after each change."""
        self._open += 1
        if self._closing is not None:
            self._closing.cancel()
        try:
            async for message in self.feed.messages(None):
                yield message
        finally:
            self._open -= 1
            if not self._open:
                self._closing = asyncio.get_running_loop().call_later(ABANDONED, self._abandon)

    def close(self) -> None:
        """End the pages' streams."""
        if self._closing is not None:
            self._closing.cancel()
        self.feed.end()

    def _abandon(self) -> None:
        self._leaving = asyncio.create_task(self.computer.program.stop())

    def _receive(self, event: events.Event | None) -> None:
        if isinstance(event, events.Error):
            self.feed.publish("problem", _problem(event))
        self.feed.publish("snapshot", self._whole()[1])

    def _whole(self) -> tuple[int, Data]:
        model, view = self.computer.model, self.computer.model.view
        is_running = self.computer.is_running
        return 0, {
            "name": self.computer.name,
            "running": is_running,
            "state": self.computer.state,
            "power": model.power,
            "starts": model.starts,
            "cable": model.cable,
            "faults": [fault for fault in model.faults if fault != "off"],
            "link": model.link,
            "session": model.session,
            "terms": model.terms if model.asks_terms else "",
            "lead": view.lead if view else None,
            "on_hold": bool(view and view.on_hold),
            "collaborators": view.collaborators if view else [],
            "chat": [{"from": line.sender, "text": line.text} for line in model.chat],
            "unsent": model.unsent,
            "ended": model.ended,
            "last_word": None if is_running or model.ended else _problem(self.computer.last_error),
        }


class Customers:
    """The customers of all browsers. `clock` is real and monotonic, in seconds."""

    def __init__(self, computers: StartedComputers, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._computers = computers
        self._clock = clock
        self._customers: dict[str, CustomerPage] = {}
        self._wrong = Allowances(WRONG_JOINS)
        self._starting = asyncio.Semaphore(_AT_A_TIME)

    async def join(self, *, name: str, pin: str, channel: str, visitor: str) -> CustomerPage:
        """Start a computer for the customer at an address. Raises NotPossible; TooManyTries if they have to wait."""
        source = source_of_host(visitor)
        if (wait := self._wrong.wait(source, self._clock())) > 0:
            raise TooManyTries("too many tries: wait {seconds} seconds", seconds=str(int(wait) + 1))
        if sum(one.visitor == source and one.computer.is_running for one in self._customers.values()) >= MAX_EACH:
            raise TooManyTries("there are {number} computers already", number=str(MAX_EACH))
        try:
            async with self._starting:
                computer = await self._computers.start(name=name, pin=pin, channel=channel, terms="ask")
        except ComputerRefused:
            self._wrong.spend(source, self._clock())
            raise
        customer = CustomerPage(computer, source)
        self._forget_ended()
        self._customers[customer.key] = customer
        return customer

    def find(self, key: str) -> CustomerPage | None:
        """Return the customer that a cookie names."""
        return self._customers.get(key)

    async def leave(self, customer: CustomerPage) -> None:
        """The customer goes away, and their computer with them."""
        self._customers.pop(customer.key, None)
        customer.close()
        await customer.computer.program.stop()
        self._computers.forget(customer.computer)

    def end_feeds(self) -> None:
        """End the events of every page; the pages try to come back."""
        for customer in self._customers.values():
            customer.close()

    def _forget_ended(self) -> None:
        """Forget the longest ended ones, so that they do not grow without bound; new ones are shown their end."""
        ended = [key for key, one in self._customers.items() if not one.computer.is_running]
        for key in ended[:-MAX_EACH]:
            customer = self._customers.pop(key)
            customer.close()
            self._computers.forget(customer.computer)


def _problem(error: events.Error) -> Data:
    return {"reason": error.reason, "message": error.message}
