"""What a server signs in with at the engine: the file that `--cluster-credentials` names.

It is read before the connection begins, so that whatever is wrong with it is said in one line and not tried for long.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rescue_server.replicated.log import LogUnusable

_OF_NATS = "-----BEGIN NATS USER JWT"


def read_user(file: Path) -> tuple[str, str]:
    """Return the user and the password that a file has in its first two lines. Raises LogUnusable."""
    return _user(file, _read(file), "a user and a password are needed, in two lines")


def nats_credentials(file: Path | None) -> dict[str, Any]:
    """Return what NATS's client takes: a file that NATS's tools made, a user, or nothing. Raises LogUnusable."""
    if file is None:
        return {}
    text = _read(file)
    if _OF_NATS in text:
        if find_spec("nkeys") is None:
            raise LogUnusable(f"{file}: NATS's credentials need a package: pip install 'nats-py[nkeys]'")
        return {"user_credentials": str(file)}
    user, password = _user(file, text, "it has neither NATS's credentials nor a user and a password in two lines")
    return {"user": user, "password": password}


def _user(file: Path, text: str, wrong: str) -> tuple[str, str]:
    lines = text.splitlines()
    if len(lines) < 2:
        raise LogUnusable(f"{file}: {wrong}")
    return lines[0].strip(), lines[1].strip()


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except OSError as error:
        raise LogUnusable(f"{file} cannot be read: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise LogUnusable(f"{file}: this is not UTF-8 text") from error
