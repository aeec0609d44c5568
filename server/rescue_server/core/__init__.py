"""The life of a session as pure functions: no input or output, no clock, no randomness.

`decide` turns a command into events or a typed error. `apply` turns an event into the next state. `status_of` derives
the status that a technician sees. `deadlines` lists what falls due and when. Start reading at `status.py` and
`transitions.py`.
"""
