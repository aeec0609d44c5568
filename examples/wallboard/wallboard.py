"""The board on the wall: how many calls are in which status, and which customers have lost their network."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterable


class Board:
    """Follows a technician's queue by the lines of `rescue console NAME --json`."""

    def __init__(self) -> None:
        self.calls: dict[str, str] = {}

    def read(self, line: str) -> None:
        """Take in one line."""
        event = json.loads(line)
        if event.get("event") != "entry":
            return
        if event["status"].startswith("Removed"):
            self.calls.pop(event["session"], None)
        else:
            self.calls[event["session"]] = event["status"]

    def lost(self) -> list[str]:
        """The sessions whose customers cannot be reached."""
        return [session for session, status in self.calls.items() if status in ("Reconnecting", "Offline")]

    def __str__(self) -> str:
        counts = Counter(self.calls.values())
        return "  ".join(f"{status}: {count}" for status, count in sorted(counts.items())) or "no calls"


def main(lines: Iterable[str]) -> None:
    """Keep the board up to date."""
    board = Board()
    for line in lines:
        board.read(line)
        print(board, flush=True)


if __name__ == "__main__":
    main(sys.stdin)
