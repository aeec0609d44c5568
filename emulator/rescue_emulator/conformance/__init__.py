"""Conformance: does every one of the published table's rows happen, by the article's steps, and nothing else?

`scenario` reads what is to be played and seen, `play` plays it with real processes, `judge` compares, `lanes` play
several at a time, `report` shows the outcome, `command` is `rescue conformance`.
"""
