"""How long somebody waits for an exercise: from `rescue exercise start ROW` until the start status is on the screen."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time

from benchmarks.programs import ROOT
from rescue_emulator.exercises.model import row_exercises
from rescue_emulator.exercises.texts import ExerciseTexts


def exercising(kind: str) -> dict[str, float]:
    """Start the exercise of each row, each with programs of its own."""
    waits = [_wait(one.name) for one in row_exercises()]
    return {"median ms to start": 1000 * statistics.median(waits), "longest ms to start": 1000 * max(waits)}


def _wait(row: str) -> float:
    begun = ExerciseTexts("en").text("h and Enter: a hint. q and Enter: stop.")  # printed with the task
    command = [sys.executable, "-m", "rescue_emulator", "exercise", "start", row, "--lang", "en"]
    with tempfile.TemporaryDirectory(prefix="bench-") as state:
        began = time.monotonic()
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "RESCUE_DATA": state},
        ) as program:
            if program.stdin is None or program.stdout is None:
                raise RuntimeError("the exercise has no pipes")
            if not any(line.strip() == begun for line in program.stdout):
                raise RuntimeError(f"exercise {row} did not begin")
            took = time.monotonic() - began
            program.communicate("q\n")
    return took
