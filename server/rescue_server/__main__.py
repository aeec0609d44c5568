"""The command line of the session server: `rescue server`, `python -m rescue_server`."""

from rescue_common.signals import expect_children
from rescue_server.cli.server import server as server

if __name__ == "__main__":
    expect_children()
    server(prog_name="rescue server")
