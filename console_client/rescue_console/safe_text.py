"""Showing on a terminal what other people wrote: as every program of the emulator does it."""

from __future__ import annotations

from rescue_protos.safe_text import safe

__all__ = ["safe"]
