"""The consoles as web pages: a companion of the session server that is a gRPC client like every console.

A technician who signs in gets a console, an administrator the supervisor's page. `serve` runs the program, `app` has
the routes, `state` what they share, `logins` who is signed in, `technician_page` and `supervisor_page` what is behind
the pages, `training` a technician's exercises, `customer_page` a
customer's computer, `feed` the server-sent events, `computers` the computers' processes.
"""
