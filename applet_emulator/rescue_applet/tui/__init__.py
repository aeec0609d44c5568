"""The customer's computer on a full screen, drawn with Textual: an optional face (`pip install rescue-emulator[tui]`).

`view_model` computes what the customer sees after each event, without I/O. `app` draws it and handles the keys.
`texts` translates.
"""
