"""Signals end a program between two callbacks of its event loop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap

import pytest

_BUSY = textwrap.dedent(
    """
    import asyncio, os, random, signal, time
    from rescue_common.signals import Terminated, run_until_signalled

    broken = []

    async def busy(number):
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda loop, context: broken.append(repr(context)))

        def answer(question):
            if not question.done():
                for _ in range(500):  # a signal comes now, more often than not
                    pass
                question.set_result(None)

        if not os.fork():  # another process: a thread would run only where this one waits
            time.sleep(random.random() / 500)
            os.kill(os.getppid(), number)
            os._exit(0)
        while True:
            question = loop.create_future()
            loop.call_soon(answer, question)
            await question

    for number, ended in [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)]:
        for _ in range({rounds}):
            try:
                run_until_signalled(busy(number))
            except KeyboardInterrupt as stop:
                assert type(stop) is ended, stop
            os.wait()
    assert not broken, broken
    """
)


@pytest.mark.parametrize("rounds", [30, pytest.param(1000, marks=pytest.mark.long)])
def test_a_signal_never_comes_within_a_callback(rounds: int) -> None:
    script = _BUSY.replace("{rounds}", str(rounds))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("number", "shown"), [(signal.SIGINT, "KeyboardInterrupt"), (signal.SIGTERM, "Terminated")])
def test_a_program_cleans_up_before_it_ends(number: signal.Signals, shown: str) -> None:
    script = textwrap.dedent(
        """
        import asyncio
        from rescue_common.signals import run_until_signalled

        async def program():
            try:
                print("there", flush=True)
                await asyncio.Event().wait()
            finally:
                await asyncio.sleep(0)
                print("cleaned up")

        try:
            run_until_signalled(program())
        except KeyboardInterrupt as stop:
            print(type(stop).__name__)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    with process:
        assert process.stdout is not None
        assert process.stdout.readline() == "there\n"
        os.kill(process.pid, number)
        assert process.stdout.read().split("\n") == ["cleaned up", shown, ""]
    assert process.returncode == 0
