"""`rescue exercise progress` as a process: it reads what is kept, and writes text or a page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rescue_emulator.exercises.progress import ProgressFile, Score

if TYPE_CHECKING:
    from tests.unit.emulator.conftest import Rescue


def keep(data: Path, person: str, *, hints: int = 0) -> None:
    score = Score(at="2026-01-01T09:00:00", person=person, exercise="14", trainee="alice", solved=True, hints=hints)
    ProgressFile(data / "scores").add(score)


async def test_everybody_or_one_person_is_told_what_to_look_at_again(rescue: Rescue, tmp_path: Path) -> None:
    keep(tmp_path, "ann", hints=1)
    keep(tmp_path, "bert")
    told = await rescue("exercise", "progress", RESCUE_DATA=str(tmp_path), RESCUE_LANG="en")
    assert told.status == 0
    assert [line.partition(":")[0] for line in told.out.splitlines()] == ["ann", "  look again", "bert"]
    one = await rescue("exercise", "progress", "--person", "bert", RESCUE_DATA=str(tmp_path), RESCUE_LANG="nl")
    assert one.out.startswith("bert: 1 opgelost")


async def test_the_page_is_written_to_a_file(rescue: Rescue, tmp_path: Path) -> None:
    keep(tmp_path, "ann")
    page = tmp_path / "progress.html"
    done = await rescue(*("exercise", "progress", "--format", "html", "--output", str(page)), RESCUE_DATA=str(tmp_path))
    assert (done.status, done.out) == (0, "")
    assert "<h2>ann</h2>" in page.read_text(encoding="utf-8")


async def test_what_cannot_be_is_said(rescue: Rescue, tmp_path: Path) -> None:
    nobody = await rescue("exercise", "progress", "--person", "../ann", RESCUE_DATA=str(tmp_path))
    assert (nobody.status, "is no name" in nobody.err) == (2, True)
    keep(tmp_path, "ann")
    nowhere = str(tmp_path / "missing" / "progress.html")
    lost = await rescue("exercise", "progress", "--output", nowhere, RESCUE_DATA=str(tmp_path))
    assert (lost.status, "No such file" in lost.err) == (1, True)


async def test_before_the_first_exercise_it_is_said_that_there_is_none(rescue: Rescue, tmp_path: Path) -> None:
    for words, said in (
        (("progress", "--lang", "nl"), "Er is nog geen oefening gedaan.\n"),
        (("scores",), "no exercise has been done yet\n"),
        (("scores", "--format", "json"), ""),
    ):
        found = await rescue("exercise", *words, RESCUE_DATA=str(tmp_path))
        assert (found.status, found.out) == (0, said)
