"""The client library: talk to a session server from Python."""
