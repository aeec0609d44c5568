"""The customer's computer on a full screen, drawn with Textual: an optional face (`pip install rescue-emulator[tui]`).

`picture` is pure: what the customer sees after each event. `app` draws it and does what keys say.
"""
