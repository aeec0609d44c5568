"""A server, consoles and computers as real processes, for tests and demonstrations."""
