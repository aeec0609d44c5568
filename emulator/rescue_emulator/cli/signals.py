"""SIGTERM during a long command: the programs that it started are ended first."""

from __future__ import annotations

import asyncio
import signal


def cancel_on_sigterm() -> None:
    """Let SIGTERM cancel the current task, so that its `async with` blocks end all processes."""
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("cancel_on_sigterm must be called in a task")
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
