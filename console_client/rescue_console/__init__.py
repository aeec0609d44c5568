"""A technician's console: a typed client of the session server, and programs that show and drive a queue.

`client` talks to the server; `queue_view` is the queue as of the updates applied; `headless` and `plain` are the
programs. A full-screen console imports these; they never import it.
"""
