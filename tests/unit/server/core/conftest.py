"""The session with which most tests begin."""

from __future__ import annotations

import pytest

from rescue_server.core.status import Status
from tests.unit.server.core.session_builder import SessionBuilder, joined


@pytest.fixture
def builder() -> SessionBuilder:
    """A session that alice started, with bob collaborating and carol invited."""
    builder = joined()
    for line in ("alice start", "alice invite bob", "bob start", "alice invite carol"):
        builder.do(line)
    assert builder.sees == {"alice": Status.ACTIVE, "bob": Status.COLLABORATING, "carol": Status.INVITATION}
    return builder
