"""One of several servers on one log: it follows the server that leads, and leads itself when that one is gone.

Who leads is what the last record about it in the log says, and nothing else. `run_member` runs the server, term after
term; `term` wires it.
"""
