"""A class while it is taught: a practice for each person, and what a trainer sees of them all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from rescue_common.natural_order import natural_key
from rescue_common.reasons import reason_of
from rescue_emulator.classroom.class_practice import ClassPractice, ClassServer
from rescue_emulator.classroom.model import BadClass, Classroom, Member
from rescue_emulator.classroom.store import ClassStore
from rescue_emulator.exercises.model import Exercise
from rescue_emulator.exercises.progress import solved_exercises
from rescue_emulator.exercises.standing import Standing, progress_of
from rescue_emulator.exercises.trainee_run import RunPhase

Listener = Callable[[], None]
IsWatching = Callable[[], bool]
_LEFT = "the exercise was ended: nobody had looked at it for a while"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What people are asked to do: an exercise, and whether to predict (None: as usual).

    `language` is for those of whom it is not known in which one they read.
    """

    exercise: Exercise
    language: str
    predict: bool | None = None


class Lesson:
    """One class. `changed` is called after each change of what `as_json` returns."""

    def __init__(
        self, classroom: Classroom, *, store: ClassStore, shared: ClassServer, changed: Listener, slowly: bool = True
    ) -> None:
        self.classroom = classroom
        self.joined: frozenset[str] = frozenset()
        """The accounts of those who have joined."""
        self._store = store
        self._shared = shared
        self._changed = changed
        self._slowly = slowly
        self._practices: dict[str, ClassPractice] = {}
        self._listeners: dict[str, list[tuple[Listener, IsWatching]]] = {}
        self._troubles: dict[str, str] = {}
        self._counts: dict[str, dict[str, int]] = {}
        self._unwatched: dict[str, float] = {}
        self._languages: dict[str, str] = {}

    def practice(self, account: str) -> ClassPractice:
        """Return the practice of a member. Raises BadClass if there is no such member."""
        if account not in self._practices:
            self._practices[account] = ClassPractice(
                classroom=self.classroom,
                member=self.classroom.member(account),
                shared=self._shared,
                scores=self._store.scores(self.classroom.name),
                changed=partial(self._practice_changed, account),
                slowly=self._slowly,
            )
        return self._practices[account]

    def solved(self, account: str) -> tuple[str, ...]:
        """Return the rows that a member has solved. Raises BadClass, OSError."""
        scores = self._store.scores(self.classroom.name).read(self.classroom.member(account).person)
        return tuple(sorted(solved_exercises(scores), key=natural_key))

    def listen(self, account: str, listener: Listener, is_watching: IsWatching) -> Listener:
        """Call `listener` after each change of a practice; return what ends that.

        `is_watching` says whether the person looks at it now; `presence_changed` is called when that is another.
        """
        listeners, one = self._listeners.setdefault(account, []), (listener, is_watching)
        listeners.append(one)

        def end() -> None:
            listeners.remove(one)
            self._changed()

        return end

    def presence_changed(self) -> None:
        """Somebody has begun or ended to look at their exercise."""
        self._changed()

    def reads_in(self, account: str, language: str) -> None:
        """Somebody's pages or console are in this language: what they are given from now on is told in it."""
        self._languages[account] = language

    async def start(self, accounts: Iterable[str], task: Task) -> None:
        """Begin an exercise for these people, all at the same time. What fails is shown with the person."""
        await asyncio.gather(*(self._start(self.classroom.member(one).account, task) for one in accounts))

    async def stop(self, accounts: Iterable[str]) -> None:
        """End the attempts of these people; what was not over is not scored."""
        await asyncio.gather(*(self._practices[one].stop() for one in accounts if one in self._practices))

    async def end_left(self, *, passed: float, after: float) -> None:
        """End the exercises with a server of their own at which nobody has looked for `after` real seconds.

        Such a server would run until the trainer ends it. `passed` are the real seconds since the last call.
        """
        for account, practice in self._practices.items():
            is_left = practice.own_door is not None and not self._is_watched(account)
            self._unwatched[account] = self._unwatched.get(account, 0.0) + passed if is_left else 0.0
        left = [account for account, seconds in self._unwatched.items() if seconds >= after]
        await self.stop(left)
        for account in left:
            if self._unwatched.pop(account, None) is not None:  # else they have started another meanwhile
                self._troubles[account] = _LEFT
                self._changed()

    async def cable(self, accounts: Iterable[str], state: str) -> int:
        """Set the cable of the customers in these people's exercises "off" or "on"; return how many there were."""
        return sum([await self._practices[one].cable(state) for one in accounts if one in self._practices])

    async def close(self) -> None:
        """End all attempts and their worlds."""
        await asyncio.gather(*(practice.close() for practice in self._practices.values()))

    def as_json(self) -> dict[str, object]:
        """Return what a trainer sees: nothing that is secret but the codes of those who have not joined."""
        people = [self._person(member) for member in self.classroom.members]
        return {"class": self.classroom.name, "ready": self.classroom.is_ready, "people": people}

    def _person(self, member: Member) -> dict[str, object]:
        practice = self._practices.get(member.account)
        state = practice.state if practice is not None else None
        attempt = state.as_json() if state is not None else None
        if attempt is not None:
            attempt["lines"] = attempt["lines"][-3:] if isinstance(attempt["lines"], tuple | list) else []
        return {
            "person": member.person,
            "technician": member.account,
            "group": member.group,
            "joined": member.account in self.joined,
            "code": "" if member.account in self.joined else member.code,
            "attempt": attempt,
            "watching": self._is_watched(member.account),
            "own_queue": practice.own_queue if practice is not None else None,
            "trouble": self._troubles.get(member.account, ""),
            "progress": self._progress(member),
        }

    def _is_watched(self, account: str) -> bool:
        return any(is_watching() for _, is_watching in self._listeners.get(account, ()))

    def _progress(self, member: Member) -> dict[str, int]:
        if member.account not in self._counts:
            scores = self._store.scores(self.classroom.name).read(member.person)
            standings = progress_of(member.person, scores).by_row.values()
            self._counts[member.account] = {
                str(kind): sum(one is kind for one in standings) for kind in Standing if kind is not Standing.UNTRIED
            }
        return self._counts[member.account]

    async def _start(self, account: str, task: Task) -> None:
        self._troubles.pop(account, None)
        self._unwatched.pop(account, None)
        try:
            language = self._languages.get(account, task.language)
            await self.practice(account).start(task.exercise, language=language, predict=task.predict)
        except Exception as error:
            self._troubles[account] = reason_of(error)
            self._changed()

    def _practice_changed(self, account: str) -> None:
        state = self._practices[account].state if account in self._practices else None
        if state is not None and state.phase is RunPhase.OVER:
            self._counts.pop(account, None)  # there is a new score
        for listener, _ in tuple(self._listeners.get(account, ())):
            listener()
        self._changed()


class Lessons:
    """All classes of a trainer. A class that was made or ended meanwhile is found by `refresh`."""

    def __init__(self, store: ClassStore, shared: ClassServer, *, changed: Listener, slowly: bool = True) -> None:
        self._store = store
        self._shared = shared
        self._changed = changed
        self._slowly = slowly
        self._lessons: dict[str, Lesson] = {}

    def lesson(self, name: str) -> Lesson:
        """Return a class. Raises BadClass."""
        if name not in self._lessons:
            self._lessons[name] = Lesson(
                self._store.read(name),
                store=self._store,
                shared=self._shared,
                changed=self._changed,
                slowly=self._slowly,
            )
        return self._lessons[name]

    def of(self, account: str) -> Lesson | None:
        """Return the class of a technician; None if they are in none."""
        for name in self._store.names():
            try:
                lesson = self.lesson(name)
                lesson.classroom.member(account)
            except BadClass:
                continue
            return lesson
        return None

    def members(self) -> dict[str, Lesson]:
        """Return all members of all classes by their accounts, and the class of each."""
        found: dict[str, Lesson] = {}
        for name in self._store.names():
            with suppress(BadClass):  # it cannot be read; `rescue class show` says why
                lesson = self.lesson(name)
                found |= {member.account: lesson for member in lesson.classroom.members}
        return found

    async def refresh(self, joined: Iterable[str]) -> None:
        """Read the classes again. `joined` are the technicians who have used their code."""
        before = self.as_json()
        there, used = self._store.names(), frozenset(joined)
        for name in there:
            try:
                self.lesson(name).classroom = self._store.read(name)
                self.lesson(name).joined = used
            except BadClass:
                continue  # it cannot be read; `rescue class show` says why
        for name in [name for name in self._lessons if name not in there]:
            await self._lessons.pop(name).close()
        if self.as_json() != before:
            self._changed()

    async def end_left(self, *, passed: float, after: float) -> None:
        """End the exercises that were left, in every class: see `Lesson.end_left`."""
        await asyncio.gather(*(lesson.end_left(passed=passed, after=after) for lesson in self._lessons.values()))

    def as_json(self) -> list[dict[str, object]]:
        """Return what a trainer sees of all classes."""
        return [lesson.as_json() for _, lesson in sorted(self._lessons.items())]

    async def close(self) -> None:
        """End all attempts."""
        await asyncio.gather(*(lesson.close() for lesson in self._lessons.values()))
