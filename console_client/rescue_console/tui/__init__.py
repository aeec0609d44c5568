"""The full-screen console, drawn with Textual: an optional face (`pip install rescue-emulator[tui]`).

`app` is the program. `session_log`, `status_bar`, `texts` and `history_backlog` do no I/O. `queue_table`, `detail`,
`toolbar`, `dialogs` and `command_dialogs` are parts of the screen. The client does not import this package.
"""
