"""Exercises: the trainee brings a session from one status to another, in a console of their own.

`model` makes an exercise of a scenario: one technician is the trainee, the system plays everybody else. `attempt`
judges by the journal what the trainee did; it is pure. `coach` plays an exercise in a world. `texts` has the sentences,
English and Dutch. `progress` keeps the scores.
"""
