"""Where the server is and what proves who one is: the state directory as a client sees it.

The server writes `access.json` (0600, in a 0700 directory) with its address and each user's secret, so that a
client on the same account needs neither. From elsewhere: RESCUE_SERVER and RESCUE_SECRET.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

ACCESS_FILE = "access.json"


class NoAccess(Exception):
    """It is not known where the server is, or what the user's secret is. The message says what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What `access.json` says: the server's HOST:PORT, and secrets by user name."""

    server: str
    secrets: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def read(directory: Path) -> Access:
        """Read the file of a state directory. Raises NoAccess if there is none or it is unreadable."""
        path = directory / ACCESS_FILE
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            return Access(server=str(found["server"]), secrets=dict(found["secrets"]))
        except FileNotFoundError:
            raise NoAccess(
                f"no server has used {directory} yet: start `rescue server`, or name one with --server"
            ) from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NoAccess(f"{path} cannot be read ({error}): start `rescue server` again") from None

    def write(self, directory: Path) -> None:
        """Write the file whole or not at all, readable by its owner alone."""
        path = directory / ACCESS_FILE
        fresh = path.with_suffix(f".{os.getpid()}.tmp")
        body = json.dumps({"server": self.server, "secrets": self.secrets}, indent=2) + "\n"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(body)
        fresh.replace(path)


def state_directory(given: str | Path | None = None) -> Path:
    """Return the state directory: the option, else RESCUE_DATA, else the platform's user data directory."""
    if given or os.environ.get("RESCUE_DATA"):
        return Path(given or os.environ["RESCUE_DATA"]).expanduser().resolve()
    import platformdirs  # heavy for a program that is told where to look

    return Path(platformdirs.user_data_dir("rescue-emulator", appauthor=False))


def find_server(*, server: str | None = None, data: str | Path | None = None) -> str:
    """Return the server's HOST:PORT: as named, else from the state directory. Options win over RESCUE_SERVER.

    Raises NoAccess.
    """
    named = server or (None if data else os.environ.get("RESCUE_SERVER"))
    return named if named else Access.read(state_directory(data)).server


def find_secret(user: str, *, data: str | Path | None = None) -> str:
    """Return the user's secret: RESCUE_SECRET, else from the state directory. Raises NoAccess."""
    if secret := os.environ.get("RESCUE_SECRET"):
        return secret
    directory = state_directory(data)
    access = Access.read(directory)
    if user not in access.secrets:
        known = ", ".join(sorted(access.secrets))
        raise NoAccess(f"{directory} has no secret for {user!r}; it has those of: {known}")
    return access.secrets[user]
