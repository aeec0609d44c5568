"""A technician's console: programs that show a queue and send commands to it.

`headless` is the scriptable console and `plain` the console at a prompt. `tui` is the full-screen console: it may
import the other modules.
"""
