"""Start programs as child processes, and end them when their parent ends."""
