"""Exercises in the full-screen console, with the real program that plays them."""

from __future__ import annotations

from pathlib import Path

import pytest

from rescue_client.records import Status
from rescue_emulator.exercises.progress import ProgressFile
from rescue_emulator.world.world import World
from tests.e2e.tui.test_console import console

pytestmark = pytest.mark.timeout(300)  # for a busy machine


async def test_an_exercise_is_chosen_helped_and_solved_by_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESCUE_DATA", str(tmp_path))
    async with World() as world, console(world, "dave") as dave:
        await dave.press("f4")
        await dave.reads("Next one not solved", "row 1:")
        await dave.press(*"row 14", "enter")
        await dave.reads("is Active in your queue. Bring it to On Hold.", "It is your turn.")
        await dave.until(lambda: dave.app.client.technician == "alice" and dave.allowed(), "the trainee's queue")
        await dave.press("f5", "f5")
        await dave.reads("2/3 The command is: Hold session", "Hints: 2")
        await dave.press("h")
        await dave.reads("Solved. The lead technician put the running session on hold.")

        await dave.press("f4")
        await dave.reads("End the exercise", "row 1:")
        await dave.press(*"row 14")
        await dave.reads("✓ row 14")
        await dave.press(*["backspace"] * 6, "enter")
        await dave.until(lambda: dave.app.client.technician == "dave", "one's own queue again")
        session, _ = await dave.new_pin("Jan")
        await dave.press("escape")
        await dave.sees(session, Status.CONNECTING)
    [score] = ProgressFile(tmp_path / "scores").read()
    assert (score.exercise, score.solved, score.hints) == ("14", True, 2)


@pytest.mark.long
async def test_a_prediction_is_asked_in_a_dialog_in_dutch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RESCUE_DATA", str(tmp_path))
    async with World() as world, console(world, language="nl") as alice:
        await alice.press("f4")
        await alice.reads("De volgende die niet is opgelost")
        await alice.press(*"rij 2:", "enter")
        await alice.reads("Welke status ziet u straks?")
        await alice.press(*"verwijderd", "enter")
        await alice.reads("Voorspellingen: 1/1", "Opgelost.")
