"""Inject faults at given moments.

`rules` defines the notation and imports nothing else of this package. `methods` lists the methods that a rule can name.
`injector` keeps the rules, watches for their moments and injects the faults. While there is no rule, each hook in the
server only looks at an empty collection.
"""
