"""Run a program's event loop so that a signal ends the program in order.

asyncio.run lets SIGINT cancel the program from within whatever runs at that moment, even from within a callback that
has just found a future pending and is about to set its result. Here the event loop handles signals between callbacks.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

Result = TypeVar("Result")


class Terminated(KeyboardInterrupt):
    """SIGTERM ended the program."""


def run_until_signalled(program: Coroutine[Any, Any, Result]) -> Result:
    """Run a program and return its result. A signal cancels it, also while it ends because of an earlier one.

    Raises KeyboardInterrupt after SIGINT and Terminated after SIGTERM.
    """
    import asyncio  # `rescue --help` runs no event loop

    received: list[signal.Signals] = []

    async def run() -> Result:
        task, loop = asyncio.current_task(), asyncio.get_running_loop()

        def stop(number: signal.Signals) -> None:
            received.append(number)
            if task is not None:
                task.cancel()

        if threading.current_thread() is threading.main_thread():  # no other thread gets signals
            with suppress(NotImplementedError):  # no signal handlers on this platform's event loop
                for number in (signal.SIGINT, signal.SIGTERM):
                    loop.add_signal_handler(number, stop, number)
        return await program

    try:
        return asyncio.run(run())
    except asyncio.CancelledError:
        if not received:
            raise
    raise Terminated if received[0] is signal.SIGTERM else KeyboardInterrupt
