"""Exercises as data: what is the trainee's, how the journal is judged, the hints, and a trainer's file."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from rescue_client.journal import JournalLine, QueueChange
from rescue_client.records import Status
from rescue_common.languages import LANGUAGES
from rescue_emulator.exercises.attempt import Attempt, Judgement
from rescue_emulator.exercises.model import Exercise, read_exercises, row_exercise, row_exercises
from rescue_emulator.exercises.texts import ExerciseTexts
from rescue_emulator.scenarios.model import BadScenario, Step
from rescue_emulator.world.people import AccountNames
from rescue_protos.status_table import read_rows, row_of

AT = datetime(2026, 1, 1, tzinfo=UTC)


def happened(name: str, *changes: tuple[str, str | None, str], **body: object) -> JournalLine:
    """A line of the journal; each change is of a technician's queue, from a status to another."""
    return JournalLine(
        revision=1,
        at=AT,
        stream="1001",
        name=name,
        cause="",
        by="",
        about="",
        setting="",
        setting_value=None,
        code=name,
        facts={},
        changes=tuple(
            QueueChange(
                technician=technician,
                previous=Status(before) if before else None,
                status=Status(after),
                row=row_of(before, after) if before else None,
                heading="",
            )
            for technician, before, after in changes
        ),
        body={"session": "1001", **body},
    )


def begun(row: int) -> Attempt:
    """An attempt at a row whose start status is on the screen."""
    exercise = row_exercise(row)
    attempt = Attempt(exercise=exercise)
    attempt.shown = list(exercise.expected[: exercise.begins_after])
    attempt.has_begun = True
    return attempt


def test_every_published_row_has_an_exercise_that_begins_before_its_change() -> None:
    exercises = row_exercises()
    assert [one.scenario.row for one in exercises] == [row.row for row in read_rows()]
    for exercise, row in zip(exercises, read_rows(), strict=True):
        before = exercise.expected[exercise.begins_after - 1]
        assert before.status == row.start, row
        if row.row != 61:  # no change: an entry that timed out stays
            change = exercise.expected[exercise.begins_after]
            assert (change.status, change.row) == (row.end, row.row)


def test_the_step_that_was_asked_for_is_done() -> None:
    attempt = begun(14)
    attempt.wanted = Step(who="alice", what="hold")
    assert attempt.take(happened("SessionHeld", ("alice", "Active", "On Hold"), technician="alice")) is Judgement.DONE
    assert attempt.wanted is None
    assert (attempt.wrong, attempt.is_solved) == (0, True)


def test_the_same_step_of_somebody_else_is_not_the_trainees() -> None:
    attempt = begun(14)
    attempt.wanted = Step(who="alice", what="hold")
    assert attempt.take(happened("SessionHeld", technician="bob")) is Judgement.NOTHING
    assert attempt.wanted is not None


@pytest.mark.parametrize(
    ("asked", "name", "fields"),
    [
        ("transfer technician:bob", "SessionTransferred", {"target": "technician:carol"}),
        ("invite bob", "TechnicianInvited", {"invited": "carol"}),
        ("open file-manager", "ProcessOpened", {"process": "save-dialog"}),
    ],
)
def test_another_target_is_another_step(asked: str, name: str, fields: dict[str, str]) -> None:
    attempt = begun(14)
    attempt.wanted = Step(who="alice", what=asked)
    assert attempt.take(happened(name, technician="alice", **fields)) is Judgement.WRONG
    right = {field: asked.split(" ", 1)[1] for field in fields}
    assert attempt.take(happened(name, technician="alice", **right)) is Judgement.DONE
    assert attempt.wrong == 1


def test_the_end_status_by_another_row_is_told_apart() -> None:
    attempt = begun(16)  # On Hold -> Active, by a start
    other = happened("LinkRestored", ("alice", "Reconnecting", "Active"))
    assert attempt.take(other) is Judgement.OTHER_WAY
    assert not attempt.is_solved


def test_a_status_that_leads_nowhere_is_astray() -> None:
    attempt = begun(14)
    attempt.wanted = Step(who="alice", what="hold")
    ended = happened("SessionEnded", ("alice", "Active", "Closed"), technician="alice")
    assert attempt.take(ended) is Judgement.ASTRAY
    assert attempt.wrong == 1


def test_chat_is_never_a_wrong_step() -> None:
    attempt = begun(14)
    assert attempt.take(happened("ChatSent", technician="alice", text="hello")) is Judgement.NOTHING
    assert attempt.wrong == 0


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("exercise", row_exercises(), ids=lambda one: one.name)
def test_every_step_has_three_different_hints(exercise: Exercise, language: str) -> None:
    texts = ExerciseTexts(language)
    assert texts.explanation(exercise)
    for step in exercise.scenario.steps:
        if exercise.is_for_trainee(step):
            where, command, whole = texts.hints(step, "1001", AccountNames())
            assert len({where, command, whole}) == 3
            assert "{" not in where + command + whole


@pytest.mark.parametrize("exercise", row_exercises(), ids=lambda one: one.name)
def test_every_step_is_a_dutch_sentence(exercise: Exercise) -> None:
    english, dutch = ExerciseTexts("en"), ExerciseTexts("nl")
    for step in exercise.scenario.steps:
        if not step.what.startswith("sees "):
            assert dutch.step(step) != english.step(step), step


STORY = "trainee: {trainee}\nsteps:\n- alice: pin\n- bob: focus on\nqueues:\n  alice: [Connecting]\n"


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        (STORY.format(trainee="nobody"), "1:10: the trainee is one of 'alice', 'bob'"),
        (STORY.format(trainee="carol"), "the trainee 'carol' has no step to take"),
        (STORY.format(trainee="bob"), "the queues must have what 'bob' has to see"),
        (STORY.replace("trainee: {trainee}\n", ""), "it has no trainee"),
        ("steps: 3\n", "1:8: "),
    ],
)
def test_a_file_that_leaves_no_role_is_refused_with_the_reason(tmp_path: Path, text: str, flaw: str) -> None:
    file = tmp_path / "exercise.yaml"
    file.write_text(text)
    with pytest.raises(BadScenario, match=flaw):
        read_exercises(file)


def test_a_trainers_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "exercise.yaml"
    file.write_text(STORY.format(trainee="alice"))
    [exercise] = read_exercises(file)
    assert (exercise.trainee, exercise.begins_after) == ("alice", 0)
    assert [step.what for step in exercise.scenario.steps if exercise.is_for_trainee(step)] == ["pin"]


@pytest.mark.parametrize(
    ("language", "begin", "end"),
    [
        ("en", "Session 1001 is Active in your queue. Bring it to On Hold.", " You play alice."),
        ("nl", "Sessie 1001 heeft in uw wachtrij de status Actief. Breng de sessie naar ", " U speelt alice."),
    ],
)
def test_the_task_speaks_to_the_trainee_whatever_their_account(language: str, begin: str, end: str) -> None:
    texts, exercise = ExerciseTexts(language), row_exercise(14)
    assert "alice" not in texts.title(exercise)
    own = texts.task(exercise, "1001", "alice")
    assert own.startswith(begin)
    assert "alice" not in own
    assert texts.task(exercise, "1001", "monday-1") == own + end


@pytest.mark.parametrize("language", ["en", "nl"])
def test_who_only_watches_is_not_told_what_they_are_to_predict(language: str) -> None:
    texts, exercise = ExerciseTexts(language), row_exercise(12)
    assert texts.status("Reconnecting") in texts.task(exercise, "1001", "alice")
    task = texts.task(exercise, "1001", "alice", watches=True)
    assert texts.status("Active") in task
    assert texts.status("Reconnecting") not in task


def test_a_change_that_did_not_happen_is_not_told_as_if_it_had() -> None:
    texts, exercise = ExerciseTexts("en"), row_exercise(14)
    assert texts.explanation(exercise, solved=True) == "The lead technician put the running session on hold."
    missed = texts.explanation(exercise, solved=False)
    assert missed == f"The change comes about like this: {texts.explanation(exercise)}"
