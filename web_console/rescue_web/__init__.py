"""The consoles as web pages: a companion of the session server that talks gRPC to it, like any console.

A technician who signs in gets a console of his own, an administrator the supervisor's page. `program` runs it, `app` is
what a browser can ask, `desk` and `overview` are what goes on behind a page, `feed` is how a page hears of it.
"""
