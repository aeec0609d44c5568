"""Subcommands of `rescue` that need the server's own code."""
