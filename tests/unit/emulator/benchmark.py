"""How fast `rescue --help` is, beside the bare interpreter: `python tests/unit/emulator/benchmark.py`.

Prints medians in milliseconds. What it loads, which is what makes it slow or fast, `test_cli.py` asserts.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 21
WANTED = 250.0  # milliseconds


def took(*command: str) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return (time.perf_counter() - began) * 1000


def main() -> None:
    """Measure in turns, so that what else the machine does weighs on both."""
    programs = {"python": ("-c", ""), "rescue --help": ("-m", "rescue_emulator", "--help")}
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(ROUNDS):
        for name, arguments in programs.items():
            times[name].append(took(sys.executable, *arguments))
    for name, taken in times.items():
        print(f"{name:<14} {statistics.median(taken):6.0f} ms")
    print(f"wanted         {WANTED:6.0f} ms")


if __name__ == "__main__":
    main()
