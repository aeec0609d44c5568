"""What most tests begin with."""

from __future__ import annotations

import pytest

from rescue_server.core.status import Status
from tests.unit.server.core.one_session import Play, joined


@pytest.fixture
def play() -> Play:
    """A session that alice started, with bob collaborating and carol invited."""
    play = joined()
    for line in ("alice start", "alice invite bob", "bob start", "alice invite carol"):
        play.do(line)
    assert play.sees == {"alice": Status.ACTIVE, "bob": Status.COLLABORATING, "carol": Status.INVITATION}
    return play
