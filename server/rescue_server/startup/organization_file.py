"""The organization that a new server begins with: read from a TOML file, or a small default one.

administrators = ["admin"]

[groups.Support]
technicians = ["alice", "bob"]
idle-timeout = "10m"            # any setting, as in `rescue admin set`

[channels.Web]
groups = ["Support"]
waiting-timeout = "5m"

[people.alice]
email = "alice@example.com"     # and ssoid, nick, description, enabled

[organization]
organization-name = "Example"   # and account-id, sso-password, field-label-0 to field-label-5
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from rescue_common.durations import BadDuration, parse_duration
from rescue_protos.errors import InvalidArgument, RescueError
from rescue_server.core import organization as core_organization
from rescue_server.core.organization_changes import apply_change
from rescue_server.core.posting import SETTING_NAMES, field_name
from rescue_server.settings import PERIODS, setting_name
from rescue_server.startup import detail_tables
from rescue_server.startup.detail_tables import Misfit

DEFAULT = """
administrators = ["admin"]
[groups.Support]
technicians = ["alice", "bob", "carol"]
[groups.Network]
technicians = ["dave"]
[channels.Web]
groups = ["Support", "Network"]
"""
_UNQUOTED = str.maketrans("", "", "\"'")
_SETTINGS = sorted((*map(setting_name, PERIODS), "terms"))
_OWN_KEYS = {"groups": "technicians", "channels": "groups"}


class BadOrganizationFile(RescueError):
    """The file cannot be read as an organization; the message names the line or the place, and the reason."""

    reason = "BAD_ORGANIZATION_FILE"


def read_organization(path: Path | None, now: datetime) -> list[core_organization.AnyOrganizationEvent]:
    """Return the events that make the organization of a file, or the default one. Raises BadOrganizationFile."""
    name = str(path) if path else "the default organization"
    try:
        # A byte order mark, which some editors write, is no part of the text; marks may be typed apart from letters.
        text = unicodedata.normalize("NFC", path.read_text(encoding="utf-8-sig")) if path else DEFAULT
        return _events(tomllib.loads(text), now)
    except OSError as error:
        raise BadOrganizationFile(f"{name} cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise BadOrganizationFile(f"{name}, line {line}: this is not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        line, reason = _unread(str(error), text)
        raise BadOrganizationFile(f"{name}, line {line}: {reason}") from None
    except RecursionError:
        raise BadOrganizationFile(f"{name}: too many brackets within one another") from None
    except Misfit as misfit:
        line = _line_of(text, misfit.place)
        where = f", line {line}" if line else ""
        raise BadOrganizationFile(f"{name}{where}: {'.'.join(misfit.place) or 'the file'}: {misfit.wrong}") from None


def _events(data: dict[str, Any], now: datetime) -> list[core_organization.AnyOrganizationEvent]:
    if unknown := set(data) - {"administrators", "groups", "channels", "people", "organization"}:
        raise Misfit((sorted(unknown)[0],), "unknown; there are administrators, groups, channels, people, organization")
    events: list[core_organization.AnyOrganizationEvent] = []
    organization = core_organization.Organization()

    def add(event: core_organization.AnyOrganizationEvent, place: tuple[str, ...]) -> None:
        nonlocal organization
        if isinstance(event, core_organization.NodeAdded):
            event = msgspec.structs.replace(event, node=organization.next_node)
        try:
            organization = apply_change(organization, event)
        except InvalidArgument as error:
            raise Misfit((*place, error.field), error.wrong) from None
        except RescueError as error:
            raise Misfit(place, str(error)) from None
        events.append(event)

    def free(kind: str, name: str, place: tuple[str, ...]) -> None:
        try:
            organization.require_free(kind, name)
        except RescueError as error:
            raise Misfit(place, str(error)) from None

    for name, table in _tables(data, "groups"):
        place: tuple[str, ...] = ("groups", name)
        free("group", name, place)
        add(core_organization.GroupAdded(at=now, name=name), place)
        for technician in _names(table, "technicians", place):
            free("technician", technician, (*place, "technicians"))
            add(core_organization.TechnicianAdded(at=now, name=technician, group=name), place)
        _settings(table, f"group:{name}", place, now, add)
    for name, table in _tables(data, "channels"):
        place = ("channels", name)
        free("channel", name, place)
        groups = _names(table, "groups", place)
        if not groups:
            raise Misfit((*place, "groups"), "a channel needs at least one technician group")
        for group in groups:
            if group not in organization.groups:
                raise Misfit((*place, "groups"), f"there is no technician group {group!r}")
        add(core_organization.ChannelAdded(at=now, name=name, groups=tuple(sorted(set(groups)))), place)
        _settings(table, f"channel:{name}", place, now, add)
    administrators = _names(data, "administrators", ())
    if not administrators or not organization.technicians:
        raise Misfit((), "at least one administrator and one technician in a group are needed")
    for name in administrators:
        free("administrator", name, ("administrators",))
        add(core_organization.AdministratorAdded(at=now, name=name), ("administrators",))
    for name, table in _tables(data, "people"):
        place = ("people", name)
        change = detail_tables.person_change(organization, name, table, place)
        add(core_organization.PersonChanged(at=now, name=name, change=change), place)
    if told := data.get("organization"):
        add(core_organization.AccountChanged(at=now, change=detail_tables.account_change(told)), ("organization",))
    return events


def _tables(data: dict[str, Any], key: str) -> list[tuple[str, dict[str, Any]]]:
    tables = data.get(key, {})
    if not isinstance(tables, dict):
        raise Misfit((key,), f"tables like [{key}.NAME] are needed")
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise Misfit((key, name), f"a table [{key}.{name}] is needed")
    return list(tables.items())


def _names(table: dict[str, Any], key: str, place: tuple[str, ...]) -> list[str]:
    names = table.get(key, [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise Misfit((*place, key), "a list of names is needed")
    return names


def _settings(table: dict[str, Any], owner: str, place: tuple[str, ...], now: datetime, add: Any) -> None:
    periods: dict[str, timedelta] = {}
    post: dict[str, str] = {}
    terms: str | None = None
    for key, value in table.items():
        if key == _OWN_KEYS[place[0]]:
            continue
        if not isinstance(value, str):
            known = [*_SETTINGS, *(SETTING_NAMES if place[0] == "groups" else ())]
            if key not in known:
                possible = ", ".join([_OWN_KEYS[place[0]], *known])
                raise Misfit((*place, key), f"there is no such setting; there are {possible}")
            raise Misfit((*place, key), 'a text is needed, like "5m"')
        if key == "terms":
            terms = value
            continue
        if place[0] == "groups" and key in SETTING_NAMES:
            post[field_name(key)] = value
            continue
        try:
            periods[key.replace("-", "_")] = parse_duration(value)
        except BadDuration as error:
            raise Misfit((*place, key), str(error)) from None
    if periods or terms is not None:
        add(core_organization.SettingsChanged(at=now, owner=owner, periods=periods, terms=terms), place)
    if post:
        add(core_organization.PostSettingsChanged(at=now, group=place[1], changes=post), place)


def _unread(message: str, text: str) -> tuple[int, str]:
    """Return the line of a TOML error, and the reason; tomllib has both in one message."""
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", message)
    end = max(len(text.splitlines()), 1)
    return (int(found[2] or end), found[1]) if found else (end, message)


def _line_of(text: str, place: tuple[str, ...]) -> int:
    """Return the line at which a place of the file is written; 0 if it is not known."""
    lines = text.splitlines()
    start = 0
    for depth, part in enumerate(place):
        for number, line in enumerate(lines[start:], start + 1):
            head = line.split("#")[0].strip()
            named = head.startswith("[") and head.strip("[]").translate(_UNQUOTED) == ".".join(place[: depth + 1])
            if named or head.partition("=")[0].strip().translate(_UNQUOTED) == part:
                start = number
                break
    return start
