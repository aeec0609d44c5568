"""Faults on purpose: the server's fault rules as a client sees them, and `rescue fault`."""
