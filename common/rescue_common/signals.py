"""Signals: what ends a program in order, and how it learns of the end of its children.

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


def expect_children() -> None:
    """Make sure that this process learns the exit status of each of its children.

    A process that is started by one that ignores SIGCHLD ignores it, too, and then the system keeps no exit statuses.
    Only the main thread can change that: in others nothing happens.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    if hasattr(signal, "SIGCHLD") and signal.getsignal(signal.SIGCHLD) is signal.SIG_IGN:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)


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
