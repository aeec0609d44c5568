"""Conformance: does every one of the published table's rows happen, by the article's steps, and nothing else?

`scenario` reads what is to be played and seen, the player of `scenarios` plays and judges it, `lanes` play
several at a time, `report` shows the outcome, `command` is `rescue conformance`.
"""
