"""The store of several servers: one log on an engine that replicates it, and each server's own copy of the state.

`log` is the port to the engine, and the engine is asked for nothing else. `records` says what is in the log.
A server alone imports nothing of this.
"""
