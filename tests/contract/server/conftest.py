"""What the contract tests of the server share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine_logs import EngineLogs, engine_logs


@pytest.fixture(scope="session")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineLogs]:
    """The engines of replicated logs."""
    with engine_logs(tmp_path_factory.mktemp("engines")) as running:
        yield running
