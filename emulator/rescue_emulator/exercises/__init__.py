"""Exercises: the trainee brings a session from one status to another, in a console of their own.

`model` makes an exercise of a scenario: one technician is the trainee, the system plays everybody else. `attempt`
judges by the journal what the trainee did; it is pure. `coach` plays an exercise in a world. `running` shows it on a
terminal, `trainee_run` keeps what a page or a screen shows of it, `practice` is one person's exercises, one after the
other. `texts` has the sentences, English and Dutch. `progress` keeps the scores.
"""
