"""How the computer's events are shown on stdout."""

from rescue_applet import events
from rescue_applet.output import json_line


def test_json_is_spaced_as_the_console_and_the_server_space_theirs() -> None:
    assert json_line(events.Joined(session="1001")) == '{"event": "joined", "session": "1001"}'
