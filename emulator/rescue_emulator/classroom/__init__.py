"""A class: people who learn on one server, in groups that do not see each other.

`model` says who and what belongs to a class; it is pure. `store` keeps it in the trainer's state directory.
`setting_up` makes its people on the server and removes them. `handout` tells each person how to join.
"""
