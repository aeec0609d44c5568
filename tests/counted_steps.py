"""Counts the steps that something takes through dictionaries, so that a test can say how they grow."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, KeysView, ValuesView
from typing import Any, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Steps:
    """How many entries of the dictionaries were looked at."""

    def __init__(self) -> None:
        self.taken = 0

    def counting(self, of: dict[K, V]) -> CountingDict[K, V]:
        """Return a copy that counts here."""
        return CountingDict(of, self)


class CountingDict(dict[K, V]):
    """A dictionary that counts each entry that is looked up or passed by."""

    def __init__(self, of: dict[K, V], steps: Steps) -> None:
        super().__init__(of)
        self._steps = steps

    def __getitem__(self, key: K) -> V:
        self._steps.taken += 1
        return super().__getitem__(key)

    def get(self, key: K, default: Any = None) -> Any:
        self._steps.taken += 1
        return super().get(key, default)

    def __iter__(self) -> Iterator[K]:
        for key in super().__iter__():
            self._steps.taken += 1
            yield key

    def keys(self) -> KeysView[K]:  # type: ignore[override]
        return KeysView(self)

    def values(self) -> ValuesView[V]:  # type: ignore[override]
        return ValuesView(self)

    def items(self) -> ItemsView[K, V]:  # type: ignore[override]
        return ItemsView(self)

    def copy(self) -> dict[K, V]:
        self._steps.taken += len(self)
        return super().copy()
