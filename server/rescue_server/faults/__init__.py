"""FaultInjector on purpose, bound to a moment.

`rules` is the notation and knows nothing else, `methods` are those of the contract that it can name; `room` keeps the
rules, watches for their moments and makes them happen. While no rule is there, each seam in the server is one look at
an empty collection.
"""
