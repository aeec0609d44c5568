"""What the server allows to a source of wrong secrets, and which sources are its own machine."""

from __future__ import annotations

from rescue_common.allowance import Allowance

THIS_MACHINE = frozenset({"127.0.0.1", "::1", "unix"})
"""The sources of programs of the server's machine."""

# Nobody guesses a secret of 192 bits. This tells a script with an old secret to slow down.
WRONG_SECRETS = Allowance(at_once=60, every=1.0)
