"""Which optional libraries are installed. Nothing is loaded to find that out."""

from __future__ import annotations

from importlib.util import find_spec

WEB_MISSING = "the consoles in the browser need Starlette and uvicorn: pip install 'rescue-emulator[web]'"


def is_web_installed() -> bool:
    """Return whether the libraries that serve pages are installed."""
    return all(find_spec(name) is not None for name in ("starlette", "uvicorn"))


def is_cryptography_installed() -> bool:
    """Return whether the library that makes certificates is installed."""
    return find_spec("cryptography") is not None


def is_textual_installed() -> bool:
    """Return whether the library of the full-screen programs is installed."""
    return find_spec("textual") is not None
