"""The life of a session as pure functions: no input or output, no clock, no randomness.

`decide` turns a command into events or a refusal, `apply` turns events into the next state, `status_of` derives what
a technician sees, `deadlines` says what falls due when. Start reading at `status.py` and `transitions.py`.
"""
