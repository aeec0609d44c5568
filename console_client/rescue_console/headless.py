"""The scriptable console: commands on stdin, one JSON object a line on stdout.

Each line is numbered and answered, in order; a blank one is malformed. The queue is printed
first, updates come in between. At the end of input what was given is answered, and the console ends.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from contextlib import aclosing
from typing import Protocol

from rescue_client.console import ConsoleClient
from rescue_client.queue_view import QueueView
from rescue_console import json_lines
from rescue_console.commands import BadLine, Command, parse
from rescue_console.execute import execute
from rescue_console.labels import Labels
from rescue_console.terminal_input import typed_lines
from rescue_protos.errors import RescueError


class Output(Protocol):
    """Where the lines go."""

    def write(self, text: str, /) -> int: ...

    def flush(self) -> None: ...


class ScriptedConsole:
    """One run of the scriptable console."""

    def __init__(
        self, client: ConsoleClient, *, labels: Labels, input_descriptor: int = 0, output: Output = sys.stdout
    ) -> None:
        self._client = client
        self._labels = labels
        self._input = input_descriptor
        self._output = output

    async def run(self) -> None:
        """Print updates and answer lines until the input ends.

        Raises RescueError if the technician cannot sign in or watch, OSError if the output cannot be written.
        """
        await self._client.sign_in()
        failure: Exception | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                printing = tasks.create_task(self._print_updates())
                await self._answer_lines()
                printing.cancel()
        except* (RescueError, OSError) as failures:
            failure = failures.exceptions[0]
        if failure is not None:  # raised up there, early releases of Python 3.11 would put it into a group again
            raise failure from None

    async def _print_updates(self) -> None:
        view = QueueView(technician=self._client.technician)
        async with aclosing(self._client.watch()) as updates:
            async for update in updates:
                for line in json_lines.update_lines(update, view, self._labels):
                    self._print(line)
                view = view.after(update)

    async def _answer_lines(self) -> None:
        number = 0
        async with aclosing(typed_lines(self._input)) as lines:
            await self._client.wait_for_queue()
            async for typed in lines:
                number += 1
                try:
                    command = parse(typed.line)
                    if command is None:
                        raise BadLine("the line is blank")
                except BadLine as error:
                    self._print(json_lines.bad_line(number, error))
                    continue
                await self._answer(number, command, self._client.since(typed.read_at))

    async def _answer(self, number: int, command: Command, client: ConsoleClient) -> None:
        try:
            answer = await execute(command, client)
        except RescueError as error:
            self._print(json_lines.refusal(number, error))
        else:
            self._print(json_lines.reply(number, answer, self._labels))

    def _print(self, line: Mapping[str, object]) -> None:
        self._output.write(json_lines.encode(line))
        self._output.flush()
