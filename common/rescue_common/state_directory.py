"""How a client finds the server, the user's secret and the TLS files: options, environment, state directory.

The server writes `access.json` (0600, in a 0700 directory) with its address, each user's secret and the names of the
TLS files. So a client of the same account needs no options. Clients elsewhere use RESCUE_SERVER, RESCUE_SECRET,
RESCUE_TLS_CA, and for mutual TLS RESCUE_TLS_CERT and RESCUE_TLS_KEY.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rescue_common.private_files import write_private
from rescue_common.server_list import read_addresses
from rescue_common.streams import is_utf8
from rescue_common.tls import CA_VARIABLE, CERT_VARIABLE, KEY_VARIABLE, NAME_VARIABLE, SYSTEM, VARIABLES, Tls

ACCESS_FILE = "access.json"
_TLS_FILES = ("ca", "cert", "key")


class NoAccess(Exception):
    """The server or the user's secret cannot be found. The message says what to do.

    `code` is a gRPC status code, so that programs report this like an error of the server.
    """

    code = "UNAVAILABLE"


class NoSecret(NoAccess):
    """The user's secret cannot be found."""

    code = "UNAUTHENTICATED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """The content of `access.json`: the server's HOST:PORT, secrets by user name, and the TLS files if it uses TLS.

    `servers` are all servers of a cluster, `server` the first of them; empty if there is one only.
    `promised` is for the server alone: secrets, by user name, that may have become valid before it stopped.
    """

    server: str
    servers: tuple[str, ...] = ()
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    tls: Tls | None = None
    promised: dict[str, list[str]] = field(default_factory=dict, repr=False)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every server's HOST:PORT, first that of this directory; none while no server has listened.

        Raises ValueError if one is no address.
        """
        known = (*filter(None, [self.server]), *self.servers)
        return read_addresses(",".join(known)) if known else ()

    @staticmethod
    def read(directory: Path) -> Access:
        """Read the file of a state directory. Raises NoAccess if there is none or it is unreadable."""
        path = directory / ACCESS_FILE
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            return Access(
                server=str(found["server"]),
                servers=tuple(str(server) for server in found.get("servers", ())),
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
        """Write the file completely or not at all; only its owner can read it."""
        content: dict[str, object] = {"server": self.server, "secrets": self.secrets}
        if self.servers:
            content["servers"] = list(self.servers)
        if self.tls is not None:
            content["tls"] = {name: str(getattr(self.tls, name) or "") for name in _TLS_FILES}
        if self.promised:
            content["promised"] = self.promised
        body = json.dumps(content, indent=2) + "\n"
        # Durable, because the server stores nothing about a secret that this file does not have yet.
        write_private(directory / ACCESS_FILE, body.encode())


def state_directory(given: str | Path | None = None) -> Path:
    """Return the state directory: the option, else RESCUE_DATA, else the platform's user data directory.

    Raises NoAccess if that is below a home directory and this user has none, as in some containers, or below a working
    directory that was removed.
    """
    named = given or os.environ.get("RESCUE_DATA")
    try:
        if named:
            return Path(named).expanduser().resolve()
        import platformdirs  # slow to import, and rarely needed

        directory = Path(platformdirs.user_data_dir("rescue-emulator", appauthor=False))
    except RuntimeError:
        directory = Path("~")
    except FileNotFoundError:
        raise NoAccess(f"{named} is nowhere: the working directory was removed; name a whole path") from None
    if not directory.is_absolute():  # some versions return the path with its "~"
        raise NoAccess("this user has no home directory: name a state directory with --data DIR or RESCUE_DATA")
    return directory


def no_server(given: str) -> str:
    """Return what to say of a text that names no server."""
    return f"{given!r} names no server: HOST:PORT is needed, like 127.0.0.1:50051; several are separated by commas"


def find_servers(*, server: str | None = None, data: str | Path | None = None) -> tuple[str, ...]:
    """Return each server's HOST:PORT: of the option, else of RESCUE_SERVER, else from the state directory.

    Option and variable separate several addresses by commas. Raises NoAccess.
    """
    named = _named(server, data)
    if named:
        try:
            return read_addresses(named)
        except ValueError as error:
            raise NoAccess(no_server(str(error))) from None
    directory = state_directory(data)
    try:
        known = Access.read(directory).addresses
    except ValueError:
        known = ()
    if not known:
        # The users' secrets are written before the server listens for the first time.
        raise NoAccess(f"no server has listened for {directory} yet: start `rescue server`, or name one with --server")
    return known


def _named(server: str | None, data: str | Path | None) -> str | None:
    return server or (None if data else os.environ.get("RESCUE_SERVER"))


def find_secret(user: str, *, data: str | Path | None = None) -> str:
    """Return the user's secret: RESCUE_SECRET, else from the state directory. Raises NoSecret."""
    # A secret from a file or a pipe often ends with a line end. No secret has one.
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


def find_tls(*, server: str | None = None, data: str | Path | None = None) -> Tls | None:
    """Return the TLS files for the server; None without TLS. The environment wins over the state directory.

    Raises BadTls.
    """
    return Tls.of_environment(_tls_variables(_given_variables(), server, data))


class TlsEnvironment:
    """The TLS variables of this process's environment, where its child processes find them.

    The variables that are set when this is made win over the state directory.
    """

    def __init__(self) -> None:
        self._given = _given_variables()

    def update(self, *, server: str | None = None, data: str | Path | None = None, behind_cable: bool = False) -> None:
        """Set the variables for the server as the state directory describes it now.

        `behind_cable`: connections go to another address than the server's, but the certificate names the server's
        host.
        """
        for name in VARIABLES:
            os.environ.pop(name, None)
        os.environ.update(_tls_variables(self._given, server, data, behind_cable=behind_cable))


def _given_variables() -> dict[str, str]:
    return {name: os.environ[name] for name in VARIABLES if name in os.environ}


def _tls_variables(
    given: Mapping[str, str], server: str | None, data: str | Path | None, *, behind_cable: bool = False
) -> dict[str, str]:
    """Return the given TLS variables, completed from the state directory."""
    variables = dict(given)
    addresses, tls = _addresses_and_tls(server, data)
    if tls is not None and CA_VARIABLE not in variables:
        variables[CA_VARIABLE] = str(tls.ca or SYSTEM)
        if tls.cert is not None and tls.key is not None and CERT_VARIABLE not in variables:
            variables |= {CERT_VARIABLE: str(tls.cert), KEY_VARIABLE: str(tls.key)}
    if behind_cable and CA_VARIABLE in variables and NAME_VARIABLE not in variables:
        # Behind the cable nobody knows which server answers. The certificates of a list name its first host.
        variables[NAME_VARIABLE] = (addresses or ("",))[0].rpartition(":")[0].strip("[]")
    return variables


def _addresses_and_tls(server: str | None, data: str | Path | None) -> tuple[tuple[str, ...], Tls | None]:
    """Return the servers' addresses, none if unknown, and the TLS files if the state directory is of one of them."""
    try:
        known = Access.read(state_directory(data))
    except NoAccess:
        known = Access(server="")
    try:
        named = _named(server, data)
        addresses = read_addresses(named) if named else known.addresses
        return addresses, known.tls if set(addresses) & set(known.addresses) else None
    except ValueError:
        return (), None


def _tls(found: object) -> Tls | None:
    if not isinstance(found, dict):
        return None
    return Tls(ca=_path(found.get("ca")), cert=_path(found.get("cert")), key=_path(found.get("key")))


def _path(text: str | Path | None) -> Path | None:
    return Path(text) if text else None
