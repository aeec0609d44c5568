"""The sentences of an exercise, English and Dutch: the task, what others do, and hints. Pure."""

from __future__ import annotations

from rescue_client.journal import JournalLine, QueueChange
from rescue_common.languages import catalog_of
from rescue_console.labels import Labels
from rescue_emulator.exercises.attempt import Judgement
from rescue_emulator.exercises.model import Exercise
from rescue_emulator.scenarios.model import Step
from rescue_emulator.scenarios.sentences import sentence
from rescue_emulator.world.people import AccountNames
from rescue_protos.explanations import explanation

_TWO_WORDS = ("lead offer", "lead accept", "lead cancel", "focus on", "focus off")


class ExerciseTexts:
    """The sentences in one language. Raises ValueError for a language that has no catalog."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._catalog = catalog_of(language)
        self._labels = Labels.of(language)

    def text(self, english: str, **facts: object) -> str:
        """Return a sentence of the catalog, with its facts."""
        return self._catalog.text("exercise", english).format(**facts)

    def counts(self, wrong: int, refused: int, hints: int) -> str:
        """Return how often the trainee went wrong and was helped."""
        counted = "wrong steps: {wrong}, refused commands: {refused}, hints: {hints}"
        return self.text(counted, wrong=wrong, refused=refused, hints=hints)

    def status(self, name: str) -> str:
        """Return what a status is called."""
        return self._labels.status(name)

    def title(self, exercise: Exercise) -> str:
        """Return an exercise in one line: row and change."""
        scenario = exercise.scenario
        if scenario.row is None:
            return scenario.title or scenario.source
        change = f"{self.status(scenario.start)} → {self.status(scenario.end)}"
        return f"{self.text('row {row}', row=scenario.row)}: {change}"

    def explanation(self, exercise: Exercise, *, solved: bool = True) -> str:
        """Return how the change comes about, in the emulator's own words; of a trainer's file, what it is about."""
        row = exercise.scenario.row
        if row is None:
            return exercise.scenario.about
        told = explanation(row, self.language)
        # It tells of a change that has happened: of one that has not, that must be said.
        return told if solved else f"{self.text('The change comes about like this:')} {told}"

    def task(self, exercise: Exercise, session: str, account: str, *, watches: bool = False) -> str:
        """Return what the trainee, who works with `account`, has to do; of a trainer's file, what it is about.

        Who only `watches` what others do is not told the status that they are asked to predict.
        """
        scenario = exercise.scenario
        if scenario.row is None:
            return scenario.about
        start, end = self.status(scenario.start), self.status(scenario.end)
        task = "Session {session} is {start} in your queue. Bring it to {end}."
        if start == end or watches:
            task = "Session {session} is {start} in your queue. Watch what becomes of it."
        sentences = [self.text(task, session=session, start=start, end=end)]
        if account != exercise.trainee:  # what the others do is told with the names of the scenario
            sentences.append(self.text("You play {trainee}.", trainee=exercise.trainee))
        return " ".join(sentences)

    def change(self, line: JournalLine, change: QueueChange) -> str:
        """Return what a queue shows now: when, whose, what, and by which row."""
        status = self.status(change.status)
        shown = f"{self.status(change.previous)} → {status}" if change.previous else status
        row = f"  [{self.text('row {row}', row=change.row)}]" if change.row else ""
        return f"{line.at:%H:%M:%S}  {change.technician}: {shown}{row}"

    def judgement(self, verdict: Judgement) -> str:
        """Return what was wrong with something that the trainee did."""
        sentences = {
            Judgement.WRONG: "That was not the step that leads there.",
            Judgement.OTHER_WAY: "The status is reached, but in another way than by the row's steps.",
            Judgement.ASTRAY: "From here the session does not come to the status any more.",
        }
        return self.text(sentences[verdict])

    def step(self, step: Step) -> str:
        """Return what somebody does, as a sentence."""
        return sentence(step, self.language)

    def hints(self, step: Step, session: str, names: AccountNames, *, typed: bool = True) -> tuple[str, str, str]:
        """Return the three hints for a step: where to look, which command, the whole step.

        `typed`: the whole step as one types it, in the server's names; else as a sentence.
        """
        verb, rest = split_step(step)
        if verb.startswith("focus"):
            return (
                self.text("Look at the top line of the console: it says whether the console is in focus."),
                self.text("Turn the focus with F3, or by going to another window."),
                self.text("Type: {line}", line=step.what) if typed else f"{self.step(step)}.",
            )
        if verb == "pin":
            where = self.text("Look at the toolbar: a session begins with a PIN.")
        else:
            where = self.text("Select session {session} in the list, and look at the toolbar.", session=session)
        command = self._labels.command(verb)
        words = ["pin", *([rest] if rest else [])] if verb == "pin" else _typed(verb, rest, session, names)
        return (
            where,
            self.text("The command is: {command}", command=command),
            self.text("Type: {line}", line=" ".join(words)) if typed else f"{self.step(step)}.",
        )


def split_step(step: Step) -> tuple[str, str]:
    """Split a technician's step into the command and what follows it."""
    for verb in _TWO_WORDS:
        if step.what == verb or step.what.startswith(f"{verb} "):
            return verb, step.what.removeprefix(verb).strip()
    verb, _, rest = step.what.partition(" ")
    return verb, rest


def _typed(verb: str, rest: str, session: str, names: AccountNames) -> list[str]:
    first, _, second = verb.partition(" ")
    target, comment, text = rest.partition(" comment ")
    return [*names.command([word for word in (first, session, second, target) if word]), *(comment + text).split()]
