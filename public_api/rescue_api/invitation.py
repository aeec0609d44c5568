"""The link that invites a customer, and the page that it leads to."""

from __future__ import annotations

import re

INVITATION_PATH = "/R"
_PIN_DIGITS = 6
_NUMBER = re.compile(rf"\d{{1,{_PIN_DIGITS}}}", re.ASCII)


def invitation_link(origin: str, pin: str) -> str:
    """Return the link with a PIN."""
    return f"{origin}{INVITATION_PATH}?i=2&Code={pin}"


def invitation_page(code: str) -> str:
    """Return how to join with a code. It is the same for every number: it must not tell which PINs live."""
    pin = code.zfill(_PIN_DIGITS) if _NUMBER.fullmatch(code) else "PIN"
    told = f"<p>On the customer's computer, run:</p><pre>rescue applet --pin {pin}</pre>"
    head = "<!DOCTYPE html><html><head><title>Join a session</title></head>"
    return f"{head}<body><h1>Join a session</h1>{told}</body></html>"
