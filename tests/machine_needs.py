"""What a test needs of the machine: without it a test is skipped, loudly; CI was promised all of it and fails."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def not_to_be_had(what: str) -> NoReturn:
    """End the test because of what is missing: skipped on a person's machine, failed where CI is set."""
    if os.environ.get("CI"):
        pytest.fail(f"{what} (and CI does not skip)")
    pytest.skip(what)
