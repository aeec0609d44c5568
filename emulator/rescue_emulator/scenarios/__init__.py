"""Scenarios: stories in files, for a trainer and for continuous integration, with one language and one player.

`language` says what a file may contain (and yields the JSON schema), `checking` finds where a file breaks it, `reading`
makes a `Scenario` of it, `stage` plays it with real programs, `judge` compares what the consoles showed, `narrator`
tells it to a class, `results` write it down, `recording` makes a file of what people did, `command` is
`rescue scenario`.
"""
