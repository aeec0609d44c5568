"""The defaults of the command line are those of the server: it writes them out, because to import them takes long."""

from __future__ import annotations

from rescue_common.durations import parse_duration
from rescue_server.cli.server import server
from rescue_server.replicated.log import PATIENCE
from rescue_server.runtime.retention import KEEP_ENDED, MOST_ENDED

DEFAULTS = {str(param.name): str(param.default) for param in server.params}


def test_ended_sessions_are_kept_as_long_as_the_server_keeps_them() -> None:
    assert parse_duration(DEFAULTS["keep_ended"]) == KEEP_ENDED
    assert DEFAULTS["most_ended"] == str(MOST_ENDED)


def test_a_change_is_tried_as_long_as_the_log_tries_it() -> None:
    assert parse_duration(DEFAULTS["cluster_patience"]).total_seconds() == PATIENCE
