"""Inject faults at given moments.

`rules` is the notation and knows nothing else, `methods` are those of the contract that it can name; `injector` keeps the
rules, watches for their moments and injects the faults. While no rule is there, each seam in the server is one look at
an empty collection.
"""
