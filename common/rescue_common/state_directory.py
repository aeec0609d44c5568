"""Where the server is and what proves who one is: the state directory as a client sees it.

The server writes `access.json` (0600, in a 0700 directory) with its address, each user's secret, and which files TLS
needs, so that a client on the same account needs to be told none of it. From elsewhere: RESCUE_SERVER, RESCUE_SECRET,
RESCUE_TLS_CA, and for mutual TLS RESCUE_TLS_CERT and RESCUE_TLS_KEY.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from rescue_common.private_files import write_private
from rescue_common.streams import is_utf8
from rescue_common.tls import CA_VARIABLE, CERT_VARIABLE, KEY_VARIABLE, NAME_VARIABLE, SYSTEM, Tls

ACCESS_FILE = "access.json"
_TLS_FILES = ("ca", "cert", "key")
_ADDRESS = re.compile(r"(?:[^\s:/\[\]]+|\[[0-9a-fA-F:.%\w]+\]):[0-9]{1,5}", re.ASCII)
_adopted: set[str] = set()
"""The variables of the environment that `adopt_tls` has set."""


class NoAccess(Exception):
    """It is not known where the server is, or what the user's secret is. The message says what to do.

    `code` is the gRPC status code that fits: programs report this as they report what a server answers.
    """

    code = "UNAVAILABLE"


class NoSecret(NoAccess):
    """The server may be known, but nothing that proves who the user is."""

    code = "UNAUTHENTICATED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """What `access.json` says: the server's HOST:PORT, secrets by user name, and files for TLS if it speaks that.

    `promised` is the server's own note: secrets that may have become valid when it was last heard of, by user name.
    """

    server: str
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    tls: Tls | None = None
    promised: dict[str, list[str]] = field(default_factory=dict, repr=False)

    @staticmethod
    def read(directory: Path) -> Access:
        """Read the file of a state directory. Raises NoAccess if there is none or it is unreadable."""
        path = directory / ACCESS_FILE
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            return Access(
                server=str(found["server"]),
                secrets=dict(found["secrets"]),
                tls=_tls(found.get("tls")),
                promised={user: list(promised) for user, promised in dict(found.get("promised", {})).items()},
            )
        except FileNotFoundError:
            raise NoAccess(
                f"no server has used {directory} yet: start `rescue server`, or name one with --server"
            ) from None
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise NoAccess(f"{path} cannot be read ({error}): start `rescue server` again") from None

    def write(self, directory: Path) -> None:
        """Write the file whole or not at all, readable by its owner alone."""
        content: dict[str, object] = {"server": self.server, "secrets": self.secrets}
        if self.tls is not None:
            content["tls"] = {name: str(getattr(self.tls, name) or "") for name in _TLS_FILES}
        if self.promised:
            content["promised"] = self.promised
        body = json.dumps(content, indent=2) + "\n"
        # Durable, because the server stores nothing about a secret that this file does not have yet.
        write_private(directory / ACCESS_FILE, body.encode())


def state_directory(given: str | Path | None = None) -> Path:
    """Return the state directory: the option, else RESCUE_DATA, else the platform's user data directory.

    Raises NoAccess if that is below a home directory and this user has none, as in some containers.
    """
    named = given or os.environ.get("RESCUE_DATA")
    try:
        if named:
            return Path(named).expanduser().resolve()
        import platformdirs  # heavy for a program that is told where to look

        directory = Path(platformdirs.user_data_dir("rescue-emulator", appauthor=False))
    except RuntimeError:
        directory = Path("~")
    if not directory.is_absolute():  # some versions return the path with its "~"
        raise NoAccess("this user has no home directory: name a state directory with --data DIR or RESCUE_DATA")
    return directory


def find_server(*, server: str | None = None, data: str | Path | None = None) -> str:
    """Return the server's HOST:PORT: as named, else from the state directory. Options win over RESCUE_SERVER.

    Raises NoAccess.
    """
    named = server or (None if data else os.environ.get("RESCUE_SERVER"))
    if named:
        if not _ADDRESS.fullmatch(named):
            raise NoAccess(f"{named!r} names no server: HOST:PORT is needed, like 127.0.0.1:50051")
        return named
    directory = state_directory(data)
    known = Access.read(directory).server
    if not _ADDRESS.fullmatch(known):
        # The users' secrets are written before the server listens for the first time.
        raise NoAccess(f"no server has listened for {directory} yet: start `rescue server`, or name one with --server")
    return known


def find_secret(user: str, *, data: str | Path | None = None) -> str:
    """Return the user's secret: RESCUE_SECRET, else from the state directory. Raises NoSecret."""
    # A file or a pipe often ends a secret with a line end, which no secret has.
    if secret := os.environ.get("RESCUE_SECRET", "").rstrip("\r\n"):
        if not is_utf8(secret):
            raise NoSecret("RESCUE_SECRET is not UTF-8: no secret of a server looks like that")
        return secret
    directory = state_directory(data)
    try:
        secrets = Access.read(directory).secrets
    except NoAccess:
        raise NoSecret(
            f"the secret of {user!r} is not known here: put it into RESCUE_SECRET, or name the server's state "
            "directory with --data"
        ) from None
    if user not in secrets:
        known = ", ".join(sorted(secrets))
        raise NoSecret(
            f"{directory} has no secret for {user!r}; it has those of: {known} "
            "(one of another server: put it into RESCUE_SECRET)"
        )
    return secrets[user]


def adopt_tls(*, server: str | None = None, data: str | Path | None = None, behind_cable: bool = False) -> None:
    """Let this process and its children speak TLS with the server if the state directory says that it does.

    RESCUE_TLS_CA, if somebody set it, wins. `behind_cable`: connections go to another address than the server's, whose
    host the certificate must be for all the same. Called again it follows what the server has become.
    """
    for name in _adopted:
        os.environ.pop(name, None)
    _adopted.clear()
    meant, tls = _meant(server, data)
    if tls is not None and CA_VARIABLE not in os.environ:
        _adopt(CA_VARIABLE, str(tls.ca or SYSTEM))
        if tls.cert is not None and tls.key is not None and CERT_VARIABLE not in os.environ:
            _adopt(CERT_VARIABLE, str(tls.cert))
            _adopt(KEY_VARIABLE, str(tls.key))
    if behind_cable and CA_VARIABLE in os.environ and NAME_VARIABLE not in os.environ:
        _adopt(NAME_VARIABLE, meant.rpartition(":")[0].strip("[]"))


def find_tls(*, server: str | None = None, data: str | Path | None = None) -> Tls | None:
    """Return how to speak TLS with the server; None is in the clear. As `adopt_tls`, but nothing is changed.

    Raises BadTls.
    """
    if CA_VARIABLE in os.environ and CA_VARIABLE not in _adopted:
        return Tls.of_environment()
    return _meant(server, data)[1]


def _meant(server: str | None, data: str | Path | None) -> tuple[str, Tls | None]:
    """Return the server that is meant, empty if unknown, and how it speaks TLS as far as the state directory knows."""
    try:
        known = Access.read(state_directory(data))
    except NoAccess:
        known = Access(server="")
    meant = server or (None if data else os.environ.get("RESCUE_SERVER")) or known.server
    return meant, known.tls if meant == known.server else None


def _adopt(variable: str, value: str) -> None:
    os.environ[variable] = value
    _adopted.add(variable)


def _tls(found: object) -> Tls | None:
    if not isinstance(found, dict):
        return None
    return Tls(ca=_path(found.get("ca")), cert=_path(found.get("cert")), key=_path(found.get("key")))


def _path(text: str | Path | None) -> Path | None:
    return Path(text) if text else None
