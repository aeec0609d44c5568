"""Scenarios: stories in files, for trainers and for continuous integration.

`language` says what a file may contain and gives the JSON schema. `schema_checker` finds where a file breaks the
schema, and `reader` makes a `Scenario` (`model`) of it. `player` plays scenarios on a `stage`; `play` is one scenario
in progress, and `narrator` presents it to people. `judge` finds deviations, `outcome` has the record of a played
scenario, and `results` writes reports. `recorder` makes a file of what people did by hand.
"""
