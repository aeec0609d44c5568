"""Conformance: does each row of the published table happen by the article's steps, and nothing else?

`row_scenarios` reads the scenarios of each row, `runner` plays them in lanes, and `report` writes the outcome.
"""
