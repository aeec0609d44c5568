"""Exit statuses that every program of the house has in common; 0 is done, 1 failed, 2 wrong usage."""

from __future__ import annotations

INTERRUPTED = 130
"""The program was interrupted from the keyboard: 128 and the number of SIGINT, as shells report it."""

TERMINATED = 143
"""SIGTERM ended a program that does not end with 0 by it."""
